// One of several copies of a small MCP server, in a process of its own, that behaves exactly as it is told.
//   node replica.mjs [--port 0] [--id r1] [--name weather] [--era new|old] [--latency MS] [--control 0] [--stream] [--attached]
//   node replica.mjs --stdio [--id r1] [--era ...] [--latency MS] [--control 0] [--control-dir DIR]
// Prints {id, pid, url, control} as one line of JSON; on pipes it goes to stderr and to DIR/PID.json, and the id is the
// pid's where none is given. --journal FILE: each write's id, a line each. --attached: ends with its standard input. The control port is never faulty: GET /counters[?since=MS],
// POST /fault {kind, only: all|calls|probes, share, factor, add, period, seed}, POST /latency {ms}, POST /heal, POST /reset,
// POST /release (calls with the argument `held` wait for it). Kinds over HTTP: none refuse hang reset reset_mid s500 s503
// garbage badjson wrong_id slow trickle flap; on pipes: none hang garbage badjson wrong_id slow exit.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import readline from 'node:readline';
import { parseArgs } from 'node:util';
import { Book, Fault } from './replica_book.mjs';
import { Listener } from './replica_http.mjs';

const text = (otherwise) => ({ type: 'string', default: otherwise });
const flag = { type: 'boolean', default: false };
const { values: options } = parseArgs({
  options: { port: text('0'), id: text(''), name: text('weather'), era: text('new'), latency: text('0'), control: text('0'), 'control-dir': text(''), journal: text(''), stdio: flag, stream: flag, attached: flag },
});
const kinds = options.stdio
  ? ['none', 'hang', 'garbage', 'badjson', 'wrong_id', 'slow', 'exit']
  : ['none', 'refuse', 'hang', 'reset', 'reset_mid', 's500', 's503', 'garbage', 'badjson', 'wrong_id', 'slow', 'trickle', 'flap'];
const book = new Book({ name: options.name, id: options.id || `p${process.pid}`, era: options.era, latency: Number(options.latency), journal: options.journal });
const fault = new Fault();
const listener = options.stdio ? null : new Listener(book, fault, { stream: options.stream });

async function command(request, body) {
  const { pathname, searchParams } = new URL(request.url, 'http://control');
  if (request.method === 'GET' && pathname === '/counters') return book.counters(Number(searchParams.get('since') ?? 0));
  if (request.method !== 'POST') throw new Error(`no ${request.method} ${pathname}`);
  const told = body ? JSON.parse(body) : {};
  if (pathname === '/reset') return book.reset(), {};
  if (pathname === '/release') return book.release(), {};
  if (pathname === '/latency') return (book.latency = Number(told.ms)), {};
  if (pathname !== '/fault' && pathname !== '/heal') throw new Error(`no ${pathname}`);
  const wanted = pathname === '/heal' ? {} : told;
  if (wanted.kind && !kinds.includes(wanted.kind)) throw new Error(`no fault ${wanted.kind}`);
  fault.set(wanted);
  await listener?.apply();
  return { kind: fault.kind };
}
const control = http.createServer((request, response) => {
  let body = '';
  request.on('data', (part) => (body += part));
  request.on('end', () =>
    command(request, body).then(
      (said) => response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(said)),
      (error) => response.writeHead(400).end(error.message),
    ),
  );
});

const say = (raw) => process.stdout.write(raw + '\n');
async function line(raw) {
  const message = JSON.parse(raw);
  if (message.id === undefined || message.method === undefined) return;
  book.note(message);
  const met = fault.meets(message.method);
  if (!['none', 'slow'].includes(met)) ++book.faulted;
  if (met === 'exit') process.exit(1);
  if (met === 'hang') return;
  if (met === 'garbage') return say('\x01 no JSON at all');
  const { result, error } = await book.answer(message, undefined, met === 'slow' ? fault : {});
  if (met === 'badjson') return say('{"jsonrpc":"2.0","id":1,"result":{"content":[{]');
  say(JSON.stringify({ jsonrpc: '2.0', id: met === 'wrong_id' ? 'of another' : message.id, ...(error ? { error } : { result }) }));
}

await new Promise((done) => control.listen(Number(options.control), '127.0.0.1', done));
const about = { id: book.id, pid: process.pid, control: `http://127.0.0.1:${control.address().port}` };
if (listener) {
  about.url = `http://127.0.0.1:${await listener.listen(Number(options.port))}/mcp`;
  await listener.apply();
  if (options.attached) process.stdin.on('end', () => process.exit(0)).resume();
  say(JSON.stringify(about));
} else {
  if (options['control-dir']) {
    const file = path.join(options['control-dir'], `${process.pid}.json`);
    fs.writeFileSync(file + '.new', JSON.stringify(about));
    fs.renameSync(file + '.new', file);
  }
  process.stderr.write(JSON.stringify(about) + '\n');
  readline.createInterface({ input: process.stdin }).on('line', (raw) => void line(raw)).on('close', () => process.exit(0));
}
