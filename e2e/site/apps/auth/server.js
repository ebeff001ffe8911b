// The auth service: it says who asked, and what nginx told it of them.
const http = require('http');

const server = http.createServer((req, res) => {
  const path = new URL(req.url, 'http://auth').pathname;
  if (path === '/healthz') {
    res.writeHead(204);
    res.end();
    return;
  }
  if (path !== '/auth' && !path.startsWith('/auth/')) {
    res.writeHead(404);
    res.end();
    return;
  }
  const token = (req.headers.authorization || '').replace(/^Bearer /, '');
  res.writeHead(token ? 200 : 401, { 'Content-Type': 'application/json' });
  res.end(JSON.stringify({
    user: token || null,
    ip: req.headers['x-real-ip'] || null,
    node: process.env.HOSTNAME
  }));
});

server.keepAliveTimeout = 60000;
server.listen(3001);
console.log('Auth Service running on port 3001');

process.on('SIGTERM', () => server.close(() => process.exit(0)));
