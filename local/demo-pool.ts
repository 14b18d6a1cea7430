/**
 * `make demo-pool`: a fabric from nothing, a pool of demos on it, a page that hands them out; callers one
 * after another, 200 at once, one in line, a claim whose time is up. Ends with what all that took.
 * With KEEP=1 it then stays until Ctrl-C, so that a person can open the page.
 *
 * Exit codes: showing.ts.
 */
import { join } from 'node:path';
import { root } from './layout.ts';
import { type Claim, PoolCalls } from './pool-calls.ts';
import { chosenPort, Showing } from './showing.ts';

const NODES = ['n1', 'n2'];
const EXAMPLE = join(root, 'examples/try-it-now');
const CALLERS = 200;
const CLAIMS = 40;

/** How long each of some calls took, in milliseconds. */
interface Took {
  readonly what: string;
  readonly ms: readonly number[];
}

async function show(showing: Showing): Promise<string> {
  const { fabric } = showing;
  const pool = new PoolCalls(fabric.gatewayUrl, 'demo');
  await showing.step('apply examples/try-it-now/pool.yaml', async () => {
    await showing.type(['apply', '-f', join(EXAMPLE, 'pool.yaml')]);
    await pool.full();
    return ['applied examples/try-it-now/pool.yaml: 5 demos are ready', undefined];
  });
  const pageUrl = await servePage(showing);
  await pool.full();
  const took = [
    ...(await oneByOne(showing, pool)),
    await atOnce(showing, pool),
    ...(await inLine(showing, pool)),
  ];
  await showing.step('refill the pool', async () => {
    await pool.full();
    return ['everything is given back, and 5 are ready again', undefined];
  });
  if (process.env['KEEP']) await showing.stay(`open ${pageUrl} (Ctrl-C stops everything)`);
  return tableOf(took);
}

/** The page, and a visitor who presses its button. */
async function servePage(showing: Showing): Promise<string> {
  const { fabric } = showing;
  const port = await chosenPort('SHOAL_PAGE_PORT');
  const url = `http://localhost:${port}/`;
  await showing.step('serve the page', async () => {
    const settings = { PORT: String(port), SHOAL_GATEWAY: fabric.gatewayUrl };
    await fabric.startBeside('page', join(EXAMPLE, 'server.mjs'), settings, /page ready/);
    return [`the page is served at ${url}`, undefined];
  });
  await showing.step('have a demo by the page', async () => {
    const visitor = new PoolCalls(fabric.gatewayUrl, 'demo');
    const { ticket, url: demo } = await visitor.demoOf(`http://127.0.0.1:${port}`);
    const said = await visitor.open(demo, fabric.ingressUrl);
    await visitor.giveBack(`http://127.0.0.1:${port}`, ticket);
    return [`a visitor was given ${demo}: "${said}"`, undefined];
  });
  return url;
}

async function oneByOne(showing: Showing, pool: PoolCalls): Promise<readonly Took[]> {
  return showing.step('claim one after another', async () => {
    const [claimed, released]: [number[], number[]] = [[], []];
    for (let count = 0; count < CLAIMS; count++) {
      await pool.someReady();
      const { claim, ms } = await pool.claim();
      claimed.push(ms);
      if (claim) released.push(await pool.release(claim));
    }
    const took = [
      { what: 'claim, one after another', ms: claimed },
      { what: 'release', ms: released },
    ];
    return [`${released.length} of ${CLAIMS} claims, one after another, each given back`, took];
  });
}

async function atOnce(showing: Showing, pool: PoolCalls): Promise<Took> {
  await showing.step('refill the pool', async () => {
    await pool.full();
    return ['5 demos are ready again', undefined];
  });
  return showing.step(`claim, ${CALLERS} at once`, async () => {
    const answers = await Promise.all(Array.from({ length: CALLERS }, () => pool.claim()));
    const had = answers.flatMap(({ claim }) => claim ?? []);
    const distinct = new Set(had.map(({ id }) => id)).size;
    if (distinct < had.length) throw new Error('a slot was given twice');
    const codes = new Map<string, number>();
    for (const { code } of answers) if (code) codes.set(code, (codes.get(code) ?? 0) + 1);
    // On a busy machine some hear that nobody answered in time.
    const heard = [...codes].map(([code, count]) => `, ${count} heard ${code}`).join('');
    const told = `${had.length} were given a slot each, none twice${heard}`;
    await pool.releaseAll();
    const ms = answers.map((each) => each.ms);
    return [`${CALLERS} callers at once: ${told}`, { what: `${CALLERS} answers at once`, ms }];
  });
}

/** Everything is taken: a caller waits in line, and is served when somebody gives one back. */
async function inLine(showing: Showing, pool: PoolCalls): Promise<readonly Took[]> {
  const taken = await showing.step('take all there may be', async () => {
    const { maximum } = await pool.state();
    const all: Claim[] = [];
    while (all.length < maximum) all.push((await pool.inLine({ ttl: '10m' })).claim);
    return [`${all.length} demos are taken: there may be no more`, all];
  });
  const [first] = taken;
  const served = await showing.step('wait in line', async () => {
    let releasedAt = 0;
    const { claim, place, at } = await pool.inLine({ ttl: '2s' }, async () => {
      if (first) await pool.release(first);
      releasedAt = performance.now();
    });
    const eta =
      place?.etaSeconds === undefined
        ? 'nobody knew when'
        : `about ${Math.ceil(place.etaSeconds)} s`;
    const stood = `number ${place?.position} of ${place?.waiting} in line, ${eta}`;
    const ms = at - releasedAt;
    const told = `${stood}; served ${(ms / 1_000).toFixed(1)} s after one was given back`;
    return [told, { claim, ms }];
  });
  const lateMs = await showing.step('wait for the end of a claim', async () => {
    const late = await pool.endOf(served.claim);
    return [`a claim of 2 s ended ${late} ms after its time`, late];
  });
  await pool.releaseAll();
  return [
    { what: 'served in line after a release', ms: [served.ms] },
    { what: 'end of a claim after its time', ms: [lateMs] },
  ];
}

/** What all that took: half of the calls at most so long, and 99 of 100. */
function tableOf(took: readonly Took[]): string {
  const rows = took.map(({ what, ms }) => [
    what,
    ...[ms.length, share(ms, 0.5), share(ms, 0.99)].map((each) => String(each)),
  ]);
  const titles = ['', 'count', 'p50 ms', 'p99 ms'];
  const lines = [titles, ...rows].map(([first = '', ...cells]) =>
    [first.padEnd(34), ...cells.map((each) => each.padStart(9))].join(''),
  );
  return `\n${lines.join('\n')}\n`;
}

function share(ms: readonly number[], part: number): string {
  const sorted = ms.toSorted((one, other) => one - other);
  const value = sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
  return value.toFixed(1);
}

await new Showing({ name: 'demo-pool', nodes: NODES, show }).run();
