require "sinatra"
require "json"

set :bind, "127.0.0.1"
set :port, 8080
set :server, "webrick"

get("/ships/:name") { JSON.generate(ship: params["name"], digest: Digest::SHA256.hexdigest(params["name"])) }
