// The inventory function of the article. Three things differ: Redis is another
// container, named redis; the client of today has to be told to connect, and to
// take callbacks; and a fresh Redis is given a stock, so that there is something
// to check.
const http = require('http');
const redis = require('redis');

const client = redis.createClient({ url: 'redis://redis:6379', legacyMode: true });
client.on('error', (err) => console.error(`redis: ${err.message}`));
client.connect().catch((err) => console.error(`redis: ${err.message}`));
client.set('item_42', '17', 'NX');

const server = http.createServer((req, res) => {
  if (req.url === '/check' && req.method === 'GET') {
    // Simulate DB lookup in Redis
    client.get('item_42', (err, reply) => {
      res.writeHead(err ? 503 : 200, { 'Content-Type': 'application/json' });
      res.end(JSON.stringify({
        id: 42,
        stock: reply,
        node: process.env.HOSTNAME
      }));
    });
  } else {
    res.writeHead(404);
    res.end();
  }
});

// nginx closes idle connections first (after 4 s), so none is closed under a
// request.
server.keepAliveTimeout = 60000;
server.listen(3002);
console.log('Inventory Service running on port 3002');

// Asked to stop, it finishes what it has begun.
process.on('SIGTERM', () => server.close(() => process.exit(0)));
