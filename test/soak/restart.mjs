// The official server-everything killed and started again under 24 clients that call without pause, 12 in old sessions and
// 12 of 2026-07-28: over Streamable HTTP on a fixed port, and as a child of Weir's on pipes. Usage: node restart.mjs
// [--times N] [--down MS]. A line for each form: calls that failed while it was down, how long after its return (the port
// accepts; the child has answered) the first good call came and the last client's first, beside what a client of its own
// needs that goes there directly, sessions lost. Exit code 1 if a session was lost, an answer was another's, or the first
// good call came later than a second after that of the direct client.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { Weir, agent, ask, messages, modules, openSession, until } from '../e2e/weir.mjs';

const option = (name, otherwise) => Number(process.argv.includes(`--${name}`) ? process.argv[process.argv.indexOf(`--${name}`) + 1] : otherwise);
const times = option('times', 5);
const down = option('down', 1000); // how long the killed server stays away over HTTP
const script = path.join(modules, '@modelcontextprotocol/server-everything/dist/index.js');
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
agent.maxSockets = Infinity;
let wrong = 0;

const freePort = () => new Promise((done) => {
  const probe = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = probe.address();
    probe.close(() => done(port));
  });
});
const accepts = (port) => new Promise((done) => {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('connect', () => (socket.destroy(), done(true)));
  socket.on('error', () => done(false));
});

class Caller {
  good = []; // when each good call ended
  failed = {}; // by reason
  lost = 0; // answers that say that the session is not known
  calls = 0;
  constructor(weir, k) {
    Object.assign(this, { weir, k, old: k < 12 });
  }
  async open() {
    if (this.old) this.session = await openSession(this.weir.url, k_version(this.k));
  }
  async once() {
    const nonce = `${this.k}-${++this.calls}`;
    const params = `"name":"echo","arguments":{"message":"${nonce}"}`;
    const answer = this.old
      ? await this.session.post(`{"jsonrpc":"2.0","id":${this.calls},"method":"tools/call","params":{${params}}}`)
      : await ask(this.weir.url, 'tools/call', params, { name: 'echo', id: String(this.calls) });
    if (answer.status === 404 || answer.status === 400) ++this.lost;
    if (answer.status !== 200) return this.fail(`HTTP ${answer.status}`);
    const message = JSON.parse(messages(answer).at(-1));
    if (message.error) return this.fail(message.error.data?.reason ?? message.error.message);
    const text = message.result.content[0].text;
    if (!text.endsWith(nonce)) (++wrong, console.log(`another's answer: ${text} for ${nonce}`));
    this.good.push(performance.now());
  }
  fail(reason) {
    this.failed[reason] = (this.failed[reason] ?? 0) + 1;
    return wait(5); // as a client that tries again would
  }
  async run(over) {
    while (!over()) await this.once().catch((error) => this.fail(error.message));
  }
}
const k_version = (k) => (k % 2 ? '2025-06-18' : '2025-11-25');

// How long a client needs that goes there itself: a session, and a call in it.
async function direct(url) {
  const begun = performance.now();
  const session = await openSession(url);
  await session.post('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"message":"x"}}}');
  return performance.now() - begun;
}

// Until every caller has been answered well again, and a moment of peace.
async function all_back(callers, up_at) {
  await until(() => callers.every((one) => one.good.at(-1) > up_at), 60000, 'all clients to be back');
  await wait(500);
}

// 24 callers while `restarts` goes on; it gives the moments at which the server was there again.
async function under(weir, restarts) {
  const callers = Array.from({ length: 24 }, (_, k) => new Caller(weir, k));
  for (const one of callers) await one.open();
  let over = false;
  const running = callers.map((one) => one.run(() => over));
  await wait(1000);
  const spans = await restarts(callers);
  await wait(500);
  over = true;
  await Promise.all(running);
  return { callers, spans };
}

function tell(form, { callers, spans }) {
  const firsts = [];
  const lasts = [];
  for (const { up_at } of spans) {
    const after = callers.map((one) => (one.good.find((at) => at > up_at) ?? Infinity) - up_at);
    firsts.push(Math.min(...after));
    lasts.push(Math.max(...after));
  }
  const failed = {};
  for (const one of callers) for (const [reason, count] of Object.entries(one.failed)) failed[reason] = (failed[reason] ?? 0) + count;
  const lost = callers.filter((one) => one.lost).length;
  const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1].toFixed(0);
  const ms = (values) => `best ${Math.min(...values).toFixed(0)}, median ${median(values)}, worst ${Math.max(...values).toFixed(0)} ms`;
  const calls = callers.reduce((sum, one) => sum + one.calls, 0);
  const straight = spans.map((one) => one.direct ?? 0);
  const good = !lost && firsts.every((one, i) => one <= 1000 + straight[i]);
  if (!good) ++wrong;
  console.log(`${good ? 'ok   ' : 'SHORT'} ${form}: ${spans.length} restarts under 24 clients, ${calls} calls, failed meanwhile ${JSON.stringify(failed)}; first good call after its return: ${ms(firsts)}, of the last client: ${ms(lasts)}${spans[0].direct ? `; directly: ${ms(straight)}` : ''} (goal <= 1000); sessions lost ${lost} (goal 0)`);
}

async function overHttp() {
  const port = await freePort();
  const start = async () => {
    const child = spawn(process.execPath, [script, 'streamableHttp'], { env: { ...process.env, PORT: String(port) }, stdio: 'ignore' });
    await until(() => accepts(port), 30000, 'server-everything');
    return child;
  };
  let server = await start();
  const weir = await Weir.start({ servers: { every: { url: `http://127.0.0.1:${port}/mcp` } } });
  try {
    await weir.settled();
    const result = await under(weir, async (callers) => {
      const spans = [];
      for (let i = 0; i < times; ++i) {
        server.kill('SIGKILL');
        await new Promise((done) => server.on('exit', done));
        await wait(down);
        server = await start();
        spans.push({ up_at: performance.now(), direct: await direct(`http://127.0.0.1:${port}/mcp`) });
        await all_back(callers, spans.at(-1).up_at);
      }
      return spans;
    });
    tell('Streamable HTTP', result);
  } finally {
    await weir.stop();
    server.kill('SIGKILL');
  }
}

// The children of a process, whatever is between: those whose command line has `what`.
function descendants(pid, what) {
  const all = fs.readdirSync('/proc').filter((one) => /^\d+$/.test(one));
  const parent = {};
  const line = {};
  for (const one of all) {
    try {
      parent[one] = /^\d+ \(.*\) \S (\d+)/s.exec(fs.readFileSync(`/proc/${one}/stat`, 'utf8'))[1];
      line[one] = fs.readFileSync(`/proc/${one}/cmdline`, 'utf8');
    } catch {
      // it has gone meanwhile
    }
  }
  const below = (one) => one !== undefined && one !== '0' && (parent[one] === String(pid) || below(parent[one]));
  return all.filter((one) => below(one) && line[one]?.startsWith(process.execPath) && line[one].includes(what)).map(Number);
}

// Here Weir starts it again; it is back when a new child has answered its handshake.
async function onPipes() {
  const weir = await Weir.start({ servers: { every: { command: process.execPath, args: [script, 'stdio'] } } });
  try {
    await weir.settled();
    const result = await under(weir, async (callers) => {
      const spans = [];
      for (let i = 0; i < times; ++i) {
        const killed = descendants(weir.child.pid, 'server-everything');
        for (const pid of killed) process.kill(pid, 'SIGKILL');
        await until(() => descendants(weir.child.pid, 'server-everything').some((pid) => !killed.includes(pid)), 30000, 'a new child');
        await until(async () => (await weir.servers())[0].state === 'ready', 60000, 'the server');
        spans.push({ up_at: performance.now() });
        await all_back(callers, spans.at(-1).up_at);
      }
      return spans;
    });
    tell('stdio', result);
  } finally {
    await weir.stop();
  }
}

await overHttp();
await onPipes();
process.exit(wrong ? 1 : 0);
