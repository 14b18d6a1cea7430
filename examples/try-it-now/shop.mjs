/** What is demonstrated: a small shop that keeps its stock in memory, so that each demo is its own. */
import { createServer } from 'node:http';

const { PORT, DEMO_HOST = 'localhost' } = process.env;
const stock = new Map([
  ['Teapot', 3],
  ['Lantern', 5],
  ['Compass', 2],
]);

const escaped = (text) => text.replace(/[&<>"]/g, (each) => `&#${each.codePointAt(0)};`);

const row = ([name, left]) => `
  <li><span>${escaped(name)}</span><small>${left === 0 ? 'sold out' : `${left} left`}</small>
    <form method="post" action="/buy"><input type="hidden" name="name" value="${escaped(name)}">
      <button ${left === 0 ? 'disabled' : ''} aria-label="Buy ${escaped(name)}">Buy</button></form></li>`;

const page = () => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Corner Shop</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { max-width: 34rem; margin: 0 auto; padding: 1.5rem 1rem; }
  h1 { margin: 0; font-size: 1.5rem; }
  ul { list-style: none; padding: 0; }
  li { display: flex; align-items: center; gap: .75rem; padding: .6rem 0; border-bottom: 1px solid #8884; }
  li span { font-weight: 600; } small { color: #888; margin-left: auto; }
  form { margin: 0; } form.add { display: flex; gap: .5rem; }
  input, button { font: inherit; padding: .4rem .8rem; border-radius: .5rem; border: 1px solid #8886; }
  input { flex: 1; min-width: 0; }
  footer { margin-top: 1.5rem; color: #888; font-size: .8rem; }
</style></head><body>
<h1>Corner Shop</h1>
<p>Buy what there is, or put something new on the shelf.</p>
<ul>${[...stock].map(row).join('')}</ul>
<form class="add" method="post" action="/add">
  <input name="name" aria-label="What to sell" placeholder="What to sell" maxlength="40" required>
  <button>Add</button></form>
<footer>${escaped(DEMO_HOST)}</footer>
</body></html>`;

const orders = {
  '/buy': (name) => stock.get(name) > 0 && stock.set(name, stock.get(name) - 1),
  '/add': (name) => name !== '' && stock.size < 20 && stock.set(name, (stock.get(name) ?? 0) + 1),
};

const server = createServer(async (request, response) => {
  const order = request.method === 'POST' ? orders[request.url] : undefined;
  if (!order) {
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(page());
    return;
  }
  let body = '';
  for await (const part of request) {
    body += part;
    if (body.length > 1_000) return response.writeHead(413).end();
  }
  order((new URLSearchParams(body).get('name') ?? '').trim());
  response.writeHead(303, { Location: '/' }).end();
});

server.listen(Number(PORT));
process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeAllConnections();
});
