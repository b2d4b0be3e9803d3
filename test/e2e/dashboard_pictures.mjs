// Takes the pictures of docs/dashboard.md: all well, one endpoint broken, dark with two hundred servers. Usage: node
// dashboard_pictures.mjs FOLDER. A picture that gets too large for a repository fails.
import fs from 'node:fs';
import path from 'node:path';
import { browsing, endpoint, open } from './browser.mjs';
import { gateway } from './crowd.mjs';
import { OpenLoop, endAll, startReplicas, until } from './replicas.mjs';
import { Weir } from './weir.mjs';

const folder = process.argv[2] ?? '.';
const kSizeMax = 150 * 1024;

async function take(page, name) {
  const file = path.join(folder, `dashboard-${name}.png`);
  await page.screenshot({ path: file });
  const { size } = fs.statSync(file);
  if (size > kSizeMax) throw new Error(`${file} has ${size} bytes`);
  console.log(`${file}: ${size} bytes`);
}
// So many seconds of lines: the page draws one value a second.
const drawn = (page, seconds) => page.waitForFunction((count) => document.querySelector('#totals polyline').getAttribute('points')?.split(' ').length >= count, seconds);

const replicas = await startReplicas(3, { latency: 20 });
const weir = await gateway(replicas, { weather: {}, search: { load_balancing: { strategy: 'least_connections' } } });
const loops = ['weather', 'search'].map((name, i) => new OpenLoop(weir.at(name), { rate: 40 + 30 * i, prefix: name, make: (n) => ({ tool: n % 5 ? 'echo' : 'slow', args: { ms: (n * 7) % 60 } }) }));
await browsing(async (context) => {
  const page = await open(context, weir.admin);
  await drawn(page, 12);
  await take(page, 'well');
  await replicas[1].fault('s503');
  await endpoint(page, replicas[1]).locator('.pill').first().filter({ hasText: 'unhealthy' }).waitFor();
  await drawn(page, 18);
  await take(page, 'broken');
});
await Promise.all(loops.map((one) => one.stop()));
await weir.stop();

const demo = Array.from({ length: 199 }, (_, i) => [`server-${String(i).padStart(3, '0')}`, { builtin: 'demo' }]);
const many = await Weir.start({ servers: { weather: { endpoints: replicas.map(({ url }) => ({ url })) }, ...Object.fromEntries(demo) } });
await many.settled();
const loop = new OpenLoop(many.url + '/weather', { rate: 60, make: () => ({ tool: 'echo' }) });
await browsing(async (context) => {
  const page = await open(context, many.admin);
  await page.locator('.row[data-server=weather] .pill').filter({ hasText: 'degraded' }).waitFor();
  await page.locator('.row[data-server=weather] .top').click();
  await drawn(page, 12);
  await take(page, 'many');
}, { colorScheme: 'dark' });
await loop.stop();
await until(async () => (await many.servers()).length === 200);
await many.stop();
await endAll(replicas);
