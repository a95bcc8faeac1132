use Mojolicious::Lite -signatures;

get '/' => sub ($c) { $c->render(text => 'ok') };
get '/ship/:name' => 'ship';
get '/digest' => sub ($c) { require Digest::SHA; $c->render(text => Digest::SHA::sha256_hex('pier')) };
get '/time' => sub ($c) { require POSIX; $c->render(text => POSIX::strftime('%F', gmtime 0)) };
app->secrets(['a test']);
app->start;
__DATA__
@@ ship.html.ep
<h1><%= $name %></h1>
