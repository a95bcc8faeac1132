require 'sinatra'
require 'json'

get('/') { 'ok' }
get('/ships/:name') { erb '<h1><%= params[:name] %></h1>' }
get('/digest') { require 'openssl'; OpenSSL::Digest::SHA256.hexdigest('pier') }
get('/csv') { require 'csv'; content_type :json; CSV.parse("a,b\n1,2").to_json }
