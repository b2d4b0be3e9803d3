// The dashboard, in a real browser before the shipped binary and real replicas; and who may press its buttons.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { browsing, clean, endpoint, open, server } from './browser.mjs';
import { allOk, calls, pool, served } from './crowd.mjs';
import { Replica, until } from './replicas.mjs';
import { Weir, request } from './weir.mjs';

const use = pool();
const text = (locator) => locator.textContent();
const ready = async (weir) => (await request('GET', weir.admin + '/readyz')).status;
const has = (locator, what) => locator.filter({ hasText: what }).waitFor({ timeout: 60000 });

// Between a page and the gateway; cut(): as if the cable were out, until mend().
async function cable(url) {
  const { port } = new URL(url);
  const open = new Set();
  let out = false;
  const proxy = net.createServer((near) => {
    if (out) return near.destroy();
    const far = net.connect(port, '127.0.0.1');
    for (const one of [near, far]) open.add(one.on('error', () => {}).on('close', () => (near.destroy(), far.destroy(), open.delete(one))));
    near.pipe(far).pipe(near);
  });
  await new Promise((done) => proxy.listen(0, '127.0.0.1', done));
  const drop = () => open.forEach((one) => one.destroy());
  return { url: `http://127.0.0.1:${proxy.address().port}`, cut: () => ((out = true), drop()), mend: () => (out = false), end: () => (drop(), proxy.close()) };
}

// The page alone, before a feed that says what it is told: for what a gateway cannot be brought to say at will.
async function told(snapshot) {
  const folder = path.resolve(import.meta.dirname, '../../web');
  const types = { html: 'text/html', css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml' };
  const self = { posts: [] };
  const web = http.createServer((asked, answer) => {
    if (asked.method === 'POST') {
      self.posts.push([asked.url, asked.headers['x-weir-action']]);
      return void answer.writeHead(200, { 'Content-Type': 'application/json' }).end('{"reset":1}');
    }
    if (asked.url === '/events') return void answer.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(`event: snapshot\ndata: ${JSON.stringify(snapshot)}\n\n`);
    const name = asked.url === '/' ? 'index.html' : path.basename(asked.url);
    answer.writeHead(200, { 'Content-Type': types[name.split('.').at(-1)] }).end(fs.readFileSync(path.join(folder, name)));
  });
  await new Promise((done) => web.listen(0, '127.0.0.1', done));
  return Object.assign(self, { url: `http://127.0.0.1:${web.address().port}`, end: () => (web.closeAllConnections(), web.close()) });
}

export const tests = {
  async 'in a browser: a breaker is shown where there is one, with what it did, and can be reset; so are queues'() {
    const end = (address, more) => ({ address, state: 'healthy', in_flight: 0, weight: 1, priority: 0, ...more });
    const change = { n: 1, at: '2026-01-02T03:04:05.000Z', kind: 'breaker', good: false, server: 'a', endpoint: 'http://x/1?a&b', text: 'closed to open: five calls failed' };
    const server = { name: 'a', address: 'http://x/1', state: 'ready', health: 'degraded', in_flight: 7, limit: 8, queued: 3, strategy: 'random', rates: { requests: 5, errors: 0, rejected: { queue_full: 2 } } };
    const endpoints = [end('http://x/1?a&b', { state: 'unhealthy', reason: 'five calls failed', breaker: 'open' }), end('http://x/2', {})];
    const fake = await told({ version: 'x', at: change.at, status: 'degraded', draining: false, total: {}, order: ['a'], servers: [{ ...server, endpoints }], events: [change] });
    await browsing(async (context) => {
      const page = await open(context, fake.url);
      const [one, two] = [endpoint(page, 'http://x/1?a&b', 'a'), endpoint(page, 'http://x/2', 'a')];
      await has(one.locator('.pill').nth(1), 'breaker open');
      await has(one.locator('.past'), 'closed to open: five calls failed');
      assert.equal(await two.locator('button:visible').count(), 0, 'without a breaker no button');
      await has(page.locator('.row .top'), /7 of 8, 3 waiting.*refused: queue full 2\/s/);
      await one.locator('button').click();
      assert.match(await text(page.locator('#ask')), /http:\/\/x\/1\?a&b \(server a\)/);
      await page.locator('#ask-yes').click();
      await has(page.locator('#said'), 'Reset breaker: done');
      assert.deepEqual(fake.posts, [['/reset-breaker?server=a&endpoint=http%3A%2F%2Fx%2F1%3Fa%26b', '1']]);
      clean(page);
    });
    fake.end();
  },

  async 'the page is small, its own, and says what it may load'() {
    const replicas = await use(1);
    await served(replicas, { weather: {} }, async (weir) => {
      const folder = path.resolve(import.meta.dirname, '../../web');
      let weight = 0;
      for (const name of fs.readdirSync(folder)) {
        const answer = await request('GET', weir.admin + (name === 'index.html' ? '/' : `/web/${name}`));
        assert.equal(answer.status, 200, name);
        assert.equal(answer.text, fs.readFileSync(path.join(folder, name), 'utf8'), name);
        weight += answer.text.length;
        const policy = answer.headers['content-security-policy'].split('; ').sort();
        assert.deepEqual(policy, ["base-uri 'none'", "connect-src 'self'", "default-src 'none'", "form-action 'none'", "frame-ancestors 'none'", "img-src 'self'", "script-src 'self'", "style-src 'self'"]);
        assert.deepEqual(['x-content-type-options', 'referrer-policy', 'cache-control'].map((field) => answer.headers[field]), ['nosniff', 'no-referrer', 'no-store']);
      }
      assert.ok(weight > 10000 && weight <= 200 * 1024, `${weight} bytes`);
      assert.equal((await request('GET', weir.admin + '/web/nothing.js')).status, 404);
      assert.equal((await request('GET', weir.admin + '/web/../weir.yaml')).status, 404);
    });
  },

  async 'programs act as before; a browser only from this very page'() {
    const replicas = await use(1);
    await served(replicas, { weather: {} }, async (weir) => {
      const own = weir.admin;
      const mark = { 'X-Weir-Action': '1' };
      const refused = [
        { Origin: own },
        { Origin: 'http://evil.example', ...mark },
        { Origin: 'null', ...mark },
        { Origin: own.replace(/\d+$/, '1'), ...mark },
        { Origin: own + '.evil.example', ...mark },
        { 'Sec-Fetch-Site': 'cross-site', ...mark },
        { 'Sec-Fetch-Site': 'same-site', ...mark },
        { 'Sec-Fetch-Site': 'none', ...mark },
        { 'Sec-Fetch-Site': 'same-origin' },
        { Origin: own, 'Sec-Fetch-Site': 'cross-site', ...mark },
      ];
      for (const where of ['/drain', '/undrain', '/reload', '/rollback'])
        for (const headers of refused) {
          const answer = await request('POST', own + where, headers);
          assert.equal(answer.status, 403, where + JSON.stringify(headers));
          assert.match(JSON.parse(answer.text).error, /\w+ \w+/);
          assert.equal(await ready(weir), 200);
        }
      for (const headers of [{}, mark, { Origin: own, ...mark }, { Origin: own, 'Sec-Fetch-Site': 'same-origin', ...mark }]) {
        assert.equal((await request('POST', own + '/drain', headers)).status, 200, JSON.stringify(headers));
        assert.equal(await ready(weir), 503);
        assert.equal((await request('POST', own + '/undrain', headers)).status, 200);
        assert.equal(await ready(weir), 200);
      }
      assert.equal((await request('GET', own + '/', { 'Sec-Fetch-Site': 'none' })).status, 200, 'reading is free');
    });
  },

  async 'in a browser: an endpoint turns ill and well again under the eyes, said aloud, with its reason as text'() {
    const replicas = await use(3);
    const stranger = await Replica.start({ id: 'stranger', name: '<img src=x onerror="document.title=1">' });
    try {
      const ends = (list) => list.map(({ url }) => ({ url }));
      const views = { weather: { endpoints: ends(replicas.slice(0, 2)), load_balancing: { panic_threshold: '80%' } }, odd: { endpoints: ends([...replicas.slice(1), stranger]) } };
      await served(replicas, views, async (weir) => {
        await browsing(async (context) => {
          const page = await open(context, weir.admin);
          const strange = endpoint(page, stranger, 'odd');
          await has(strange.locator('.why'), 'it says that it is "<img src=x onerror="document.title=1">"');
          assert.equal(await page.locator('img').count(), 0, 'what a server says is no markup');
          const row = server(page, 'weather');
          const well = endpoint(page, replicas[0]);
          await has(well.locator('.pill').first(), 'healthy');
          await has(row.locator('.top'), '2 of 2 well');
          await row.evaluate((node) => (node.kept = true));
          await replicas[0].fault('s503');
          await has(well.locator('.pill').first(), 'unhealthy');
          await has(well.locator('.why'), /503.*since/);
          await has(well.locator('.past'), /unhealthy: .*503/);
          await page.locator('#log li[data-good=no]').filter({ hasText: /unhealthy: .*503/ }).first().waitFor({ timeout: 60000 });
          await has(page.locator('#spoken'), 'weather is degraded');
          await has(page.locator('#overall'), 'degraded');
          await page.waitForFunction(() => document.title === '(2) Weir');
          await has(page.locator('#force'), 'weather: panic');
          await replicas[0].heal();
          await has(page.locator('#spoken'), 'weather is healthy');
          await has(well.locator('.pill').first(), /^healthy$/);
          // At first it knows no rate at all.
          while (!/[1-9]/.test(await text(row.locator('[data-label=requests]')))) allOk(await calls(weir.at('weather'), 10));
          await has(page.locator('#totals'), /Requests[1-9.]/);
          assert.equal(await row.evaluate((node) => node.kept), true, 'the row was patched, not made anew');
          await until(async () => ((await row.locator('polyline').first().getAttribute('points')) ?? '').split(' ').length > 2, 10000, 'a line');
          clean(page);
        });
      }, { ready: false });
    } finally {
      await stranger.kill();
    }
  },

  async 'in a browser: by keyboard alone, each action asked once more'() {
    const replicas = await use(1);
    await served(replicas, { weather: {}, calm: {} }, async (weir) => {
      await browsing(async (context) => {
        const page = await open(context, weir.admin);
        const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.closest('[data-server]')?.dataset.server || document.activeElement.textContent);
        await page.keyboard.press('Tab');
        assert.equal(await focused(), 'Skip to the servers');
        await page.keyboard.press('Enter');
        assert.equal(await focused(), 'servers');
        await page.keyboard.press('/');
        assert.equal(await focused(), 'filter');
        await page.keyboard.type('cal');
        assert.equal(await page.locator('.row:visible').count(), 1);
        await page.keyboard.press('Tab');
        await page.keyboard.press('Tab');
        assert.equal(await focused(), 'calm');
        const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
        assert.notEqual(outline, 'none', 'focus can be seen');
        assert.equal(await server(page, 'calm').locator('.endpoint').count(), 1, 'few servers are open from the start');
        await page.keyboard.press('Enter');
        assert.equal(await server(page, 'calm').locator('.endpoint').count(), 0);
        await page.locator('#filter').fill('');
        await server(page, 'weather').locator('.top').focus();
        await page.keyboard.press('ArrowDown');
        assert.equal(await focused(), 'calm');
        await page.keyboard.press('Home');
        assert.equal(await focused(), 'weather');

        await page.locator('#drain').focus();
        await page.keyboard.press('Enter');
        assert.match(await text(page.locator('#ask')), /load balancers/);
        assert.equal(await focused(), 'ask-no', 'the harmless one first');
        await page.keyboard.press('Escape');
        assert.equal(await focused(), 'drain');
        assert.equal(await ready(weir), 200, 'nothing was done');
        await page.keyboard.press('Enter');
        await page.keyboard.press('Tab');
        await page.keyboard.press('Enter');
        await has(page.locator('#said'), 'Drain: /readyz says "not ready" now');
        assert.equal(await ready(weir), 503);
        await has(page.locator('#force'), 'Draining');
        await has(page.locator('#drain'), 'Undrain');
        await page.locator('#drain').click();
        await page.locator('#ask-yes').click();
        await has(page.locator('#said'), 'Undrain: /readyz says "ready" again');
        assert.equal(await ready(weir), 200);
        weir.write('servers: {a: {urll: x}}');
        await page.locator('#reload').click();
        await page.locator('#ask-yes').click();
        await has(page.locator('#said'), /^Reload: [^]*urll[^]*HTTP status 422/);
        page.wrong = page.wrong.filter((what) => !what.includes('422')); // the browser notes an answer that is an error
        clean(page);
      });
    });
  },

  async 'in a browser: a lost connection is seen, and found again; dark, and on a phone'() {
    const replicas = await use(2);
    await served(replicas, { weather: {} }, async (weir) => {
      const wire = await cable(weir.admin);
      await browsing(async (context) => {
        const page = await open(context, wire.url);
        wire.cut();
        await has(page.locator('#link[data-state=lost]'), 'connection lost');
        await replicas[0].fault('s503');
        wire.mend();
        await page.locator('#link[data-state=live]').waitFor();
        await has(endpoint(page, replicas[0]).locator('.pill').first(), 'unhealthy');
        page.wrong = page.wrong.filter((what) => !/ERR_|Failed to load/.test(what)); // of the cable
        clean(page);
        const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        const light = await ground();
        await page.emulateMedia({ colorScheme: 'dark' });
        const dark = await ground();
        assert.notEqual(dark, light);
        await page.locator('#theme').click();
        await page.locator('#theme').click();
        assert.equal(await text(page.locator('#theme')), 'Theme: light');
        assert.equal(await ground(), light);
        await page.reload();
        assert.equal(await ground(), light, 'it is remembered');
        await page.setViewportSize({ width: 390, height: 800 });
        await endpoint(page, replicas[0]).waitFor();
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing lies beside a phone');
      });
      wire.end();
    });
  },

  async 'in a browser: two hundred servers, the worst first, few rows touched'() {
    const [ill] = await use(1);
    const demo = Array.from({ length: 199 }, (_, i) => [`server-${String(i).padStart(3, '0')}`, { builtin: 'demo' }]);
    const weir = await Weir.start({ servers: { ...Object.fromEntries(demo), weather: { endpoints: [{ url: ill.url }], health_check: { interval: '200ms' } } } });
    try {
      await browsing(async (context) => {
        const page = await open(context, weir.admin);
        await has(page.locator('#shown'), '200 servers');
        await has(page.locator('#overall'), /^healthy/);
        assert.equal(await page.locator('.endpoint').count(), 0, 'all are closed');
        await ill.fault('refuse');
        await page.waitForFunction(() => document.querySelector('.row').dataset.server === 'weather');
        await has(server(page, 'weather').locator('.pill'), 'unhealthy');
        await page.locator('#filter').fill('unhealthy');
        assert.equal(await page.locator('.row:visible').count(), 1);
        await page.locator('#filter').fill('server-01');
        await has(page.locator('#shown'), '10 of 200 servers');
        await page.locator('#filter').fill('');
        await page.locator('#order').selectOption('file');
        assert.equal(await page.locator('.row').first().getAttribute('data-server'), 'server-000');
        await has(page.locator('.row').last().locator('[data-label=requests]'), '0/s'); // all have their first rates
        await page.evaluate(() => {
          window.touched = new Set();
          const rowOf = (node) => (node.closest ? node : node.parentElement).closest('.row')?.dataset.server ?? 'the list';
          new MutationObserver((all) => all.forEach(({ target }) => window.touched.add(rowOf(target)))).observe(document.getElementById('rows'), { subtree: true, childList: true, characterData: true, attributes: true });
        });
        await ill.heal();
        const row = server(page, 'weather');
        await has(row.locator('.pill'), /^healthy/);
        const touched = await page.evaluate(() => [...window.touched]);
        assert.ok(touched.includes('weather') && touched.length < 60, String(touched)); // itself, and lines in sight
        clean(page);
        return `${touched.length} rows touched`;
      });
    } finally {
      assert.equal((await weir.stop()).code, 0);
    }
  },
};
