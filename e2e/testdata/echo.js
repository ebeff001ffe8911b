// Says what arrived: over which connection, and all that nginx passed on.
const http = require('http');

const server = http.createServer((req, res) => {
  let bytes = 0;
  req.on('data', (part) => { bytes += part.length; });
  req.on('end', () => {
    res.writeHead(200, { 'Content-Type': 'application/json' });
    res.end(JSON.stringify({
      service: process.env.NAME,
      method: req.method,
      url: req.url,
      version: req.httpVersion,
      headers: req.headers,
      bytes,
      peer: req.socket.remotePort
    }));
  });
});
server.keepAliveTimeout = 60000;
server.listen(Number(process.env.PORT));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
