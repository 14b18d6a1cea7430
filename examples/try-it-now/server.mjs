/**
 * What stands between visitors and Shoal: serves the page, and four calls about one demo each. A visitor
 * reaches one pool and nothing else, for as long as the pool says, and only the demo it was given.
 *
 *   POST   /demo                   asks for a demo; the answer is events: place…, then demo or refused
 *   GET    /demo/<ticket>          events: demo each second, then over
 *   POST   /demo/<ticket>/extend   lets it last longer
 *   DELETE /demo/<ticket>          gives it back
 *
 * A ticket is the claim's id with a signature: the id alone is in the host name that everybody may see.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { Readable } from 'node:stream';

const {
  HOST = '127.0.0.1',
  PORT = '8470',
  SHOAL_GATEWAY = 'http://127.0.0.1:8480', // Shoal's API: for this server, not for visitors
  POOL = 'demo',
  WAIT = '10m', // how long a visitor may stand in line
  EXTEND = '5m', // by how much a demo is extended
  DEMO_URL = '', // how a URL is made of a host name, `https://{host}/`; default: as the gateway says
  SECRET = randomBytes(32).toString('hex'), // signs tickets: say one to keep them over a restart
} = process.env;

const signed = (id) => createHmac('sha256', SECRET).update(id).digest('base64url');

/** The claim of a ticket; undefined: nobody here gave it out. */
function claimOf(ticket) {
  const [id = '', signature = ''] = ticket.split('.');
  const [given, right] = [Buffer.from(signature), Buffer.from(signed(id))];
  return given.length === right.length && timingSafeEqual(given, right) ? id : undefined;
}

/** A claim as its visitor is told of it: not where in the house it runs. */
function demoOf({ id, url, remainingSeconds, until }) {
  const told = DEMO_URL && url ? DEMO_URL.replace('{host}', new URL(url).hostname) : url;
  return { ticket: `${id}.${signed(id)}`, url: told, remainingSeconds, until };
}

/** Asks Shoal. An access token, where your gateway wants one, goes here. */
function ask(method, path, { signal, body, events = false } = {}) {
  return fetch(`${SHOAL_GATEWAY}/api/v1/${path}`, {
    ...{ method, signal, body: body && JSON.stringify(body) },
    headers: {
      ...(body ? { 'Content-Type': 'application/json' } : {}),
      ...(events ? { Accept: 'text/event-stream' } : {}),
    },
  });
}

/** Why Shoal refused, in the one word that the page has a sentence for. */
async function refusalOf(answer) {
  const { code = 'unavailable' } = await answer.json().catch(() => ({}));
  return { code };
}

/** Events of Shoal, as they come: each its name and its data. */
async function* eventsIn(answer) {
  let text = '';
  for await (const part of Readable.fromWeb(answer.body).setEncoding('utf8')) {
    text += part;
    const blocks = text.split('\n\n');
    text = blocks.pop();
    for (const block of blocks) {
      const [, event, data] = /^event: (.+)\ndata: (.+)$/m.exec(block) ?? [];
      if (event) yield [event, JSON.parse(data)];
    }
  }
}

/** What a visitor is told of an event. */
const told = {
  place: ({ position, waiting, etaSeconds }) => ['place', { position, waiting, etaSeconds }],
  claim: (claim) => ['demo', demoOf(claim)],
  over: () => ['over', {}],
  refused: ({ code }) => ['refused', { code }],
};

const asEvents = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-store',
  'X-Accel-Buffering': 'no',
};

/** Answers with events until Shoal ends them, or the visitor is gone: then Shoal hears of that. */
async function stream(response, method, path, body) {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  response.writeHead(200, asEvents);
  response.write('retry: 2000\n\n'); // after so long a browser asks again, where this ends early
  const send = ([event, data]) =>
    response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  try {
    const answer = await ask(method, path, { signal: gone.signal, body, events: true });
    if (answer.status === 404 && method === 'GET') send(told.over());
    else if (!answer.ok) send(told.refused(await refusalOf(answer)));
    else for await (const [event, data] of eventsIn(answer)) send(told[event](data));
  } catch (error) {
    if (!gone.signal.aborted) {
      process.stderr.write(`${path}: ${error.cause ?? error}\n`);
      send(told.refused({ code: 'unavailable' }));
    }
  }
  response.end();
}

/** Answers with JSON: the demo, or why not. */
async function relay(response, method, path, body) {
  const answer = await ask(method, path, { body });
  const value = answer.ok ? await answer.json() : await refusalOf(answer);
  response.writeHead(answer.status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(answer.ok ? demoOf(value.claim ?? value) : value));
}

const files = new Map([
  ['/', ['index.html', 'text/html']],
  ['/page.js', ['page.js', 'text/javascript']],
  ['/style.css', ['style.css', 'text/css']],
]);
const safely = {
  'Content-Security-Policy':
    "default-src 'self'; img-src data:; frame-src http: https:; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

async function answer(request, response) {
  const { method, url } = request;
  const file = method === 'GET' ? files.get(url) : undefined;
  if (file) {
    const [name, type] = file;
    const text = await readFile(new URL(`page/${name}`, import.meta.url));
    return response
      .writeHead(200, { ...safely, 'Content-Type': `${type}; charset=utf-8` })
      .end(text);
  }
  if (method === 'POST' && url === '/demo') {
    return stream(response, 'POST', `pools/${POOL}/claims?wait=${WAIT}`, { by: 'page' });
  }
  const [, ticket, order] = /^\/demo\/([\w.-]+)(\/extend)?$/.exec(url) ?? [];
  const id = ticket && claimOf(ticket);
  if (ticket && !id && method === 'GET') {
    // To whoever watches it, what nobody gave out is over.
    return response.writeHead(200, asEvents).end('event: over\ndata: {}\n\n');
  }
  if (!id) return response.writeHead(404).end();
  const path = `claims/${id}`;
  if (method === 'GET' && !order) return stream(response, 'GET', path);
  if (method === 'DELETE' && !order) return relay(response, 'DELETE', path);
  if (method === 'POST' && order) return relay(response, 'POST', `${path}/extend`, { by: EXTEND });
  return response.writeHead(405).end();
}

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    process.stderr.write(`${request.url}: ${error.cause ?? error}\n`);
    if (!response.headersSent) response.writeHead(502, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ code: 'unavailable' }));
  });
});
server.listen(Number(PORT), HOST, () =>
  process.stdout.write(`page ready: http://localhost:${server.address().port}/\n`),
);
process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeAllConnections();
});
