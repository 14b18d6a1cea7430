/**
 * A web server as Shoal runs it: it listens on the PORT it is given, writes a line per request,
 * and on SIGTERM ends once the requests under way are answered.
 */
import { createServer } from 'node:http';

const { PORT, GREETING = 'hello', SHOAL_INSTANCE, SHOAL_NODE } = process.env;

const server = createServer((request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/plain' });
  response.end(`${GREETING} from ${SHOAL_INSTANCE} on ${SHOAL_NODE}\n`);
  process.stdout.write(`${request.method} ${request.url}\n`);
});

server.listen(Number(PORT), () => process.stdout.write(`listening on ${PORT}\n`));

process.on('SIGTERM', () => {
  process.stdout.write('stopping\n');
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
