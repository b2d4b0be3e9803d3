// The shipped examples, the embedded default and what `weir init` writes: each is served as it is, with upstreams and children
// in place of what it names, and `weir explain` says for one tool of each server which policies a call meets, in which order,
// with which values and by whose word. That is kept in golden/NAME.txt; UPDATE_GOLDEN=1 writes it anew, to be read before it
// is committed.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { Upstream } from './upstream.mjs';
import { Weir, answerOf, binary, request, until } from './weir.mjs';

const run = promisify(execFile);
const examples = path.resolve(import.meta.dirname, '../../examples');
const golden = path.join(import.meta.dirname, 'golden');

// The tool of each server that is asked about: one with settings of its own, where there is one.
const asked = {
  laptop: { files: 'read_file', memory: 'read_graph', build: 'run_tests', search: 'search' },
  team: { weather: 'forecast', tickets: 'list_tickets', vendor: 'lookup', payments: 'refund' },
  platform: { catalogue: 'export', archive: 'find', orders: 'order_status', reports: 'quarter' },
  'old-servers': { notes: 'add_note', wiki: 'page', legacy: 'query', converter: 'convert', shell: 'exec' },
};
const reads = /^(read|list|find|search|forecast|page)/;
const tools = Object.values(asked).flatMap((servers) => Object.values(servers)).map((name) => ({ name, inputSchema: { type: 'object' }, annotations: { readOnlyHint: reads.test(name) } }));

// An old server on pipes with these tools.
const script = `const say=(m)=>process.stdout.write(JSON.stringify(m)+'\\n');require('readline').createInterface({input:process.stdin}).on('line',l=>{const m=JSON.parse(l);if(m.method==='initialize')say({jsonrpc:'2.0',id:m.id,result:{protocolVersion:'2025-06-18',capabilities:{tools:{}},serverInfo:{name:'s',version:'1'}}});else if(m.method==='tools/list')say({jsonrpc:'2.0',id:m.id,result:{tools:${JSON.stringify(tools)}}});else if(m.method==='ping')say({jsonrpc:'2.0',id:m.id,result:{}});else if(m.id!==undefined)say({jsonrpc:'2.0',id:m.id,error:{code:-32601,message:'no'}})});`;

// A server over HTTP+SSE with them.
async function startSse() {
  const transports = new Map();
  const server = http.createServer(async (asking, response) => {
    if (asking.method !== 'GET') return transports.get(new URL(asking.url, 'http://h').searchParams.get('sessionId')).handlePostMessage(asking, response);
    const mcp = new Server({ name: 'sse', version: '1' }, { capabilities: { tools: {} } });
    mcp.setRequestHandler(ListToolsRequestSchema, () => ({ tools }));
    const transport = new SSEServerTransport('/messages', response);
    transports.set(transport.sessionId, transport);
    await mcp.connect(transport);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { url: `http://127.0.0.1:${server.address().port}/sse`, stop: () => (server.closeAllConnections(), new Promise((done) => server.close(done))) };
}

// The file's text with what it names replaced; `names`: what each address stands for.
async function staged(text, folder, era, started, names) {
  const healthy = (parsed, send, { method, url }) => (method === 'GET' && !url.startsWith('/mcp') ? (send(200, 'ok'), true) : false);
  for (const [url] of text.matchAll(/https?:\/\/[^\s,}\]]+/g)) {
    const one = url.endsWith('/sse') ? await startSse() : await Upstream.start({ era, tools, before: healthy });
    started.push(one);
    names.set(one.url, url);
    text = text.replace(url, one.url);
  }
  fs.writeFileSync(path.join(folder, 'child.js'), script);
  return text
    .replace(/^( *)command: .*$/gm, `$1command: ${process.execPath}\n$1args: [${path.join(folder, 'child.js')}]`)
    .replace(/^ *args: \[-y.*\n/gm, '')
    .replace(/^( *cwd|state_dir): .*$/gm, `$1: ${folder}`);
}

// What is kept of one call: where it may go and, as `weir explain` prints it, whether it may be repeated and the policies.
async function explained(admin, name, names) {
  const told = answerOf(await request('GET', `${admin}/explain?tool=${name}`));
  assert.ok(told.found && told.listed, JSON.stringify(told));
  const { stdout } = await run(binary, ['explain', name, '--admin', new URL(admin).host]);
  const at = stdout.indexOf('\nmay ');
  assert.ok(at > 0, stdout);
  const endpoints = told.endpoints.map(({ address, weight, priority }) => `  ${names.get(address) ?? address}, weight ${weight}, priority ${priority}\n`);
  return `${told.original} of ${told.server}, ${told.strategy}\n${endpoints.join('')}${stdout.slice(at + 1)}`;
}

function compare(name, text) {
  const file = path.join(golden, `${name}.txt`);
  if (process.env.UPDATE_GOLDEN) fs.mkdirSync(golden, { recursive: true }), fs.writeFileSync(file, text);
  assert.ok(fs.existsSync(file), `${file} is missing: UPDATE_GOLDEN=1 writes it`);
  assert.equal(text, fs.readFileSync(file, 'utf8'), `golden/${name}.txt differs: UPDATE_GOLDEN=1 writes it anew`);
}

async function served(name, text, servers, folder) {
  const [started, names] = [[], new Map()];
  const weir = await Weir.start(await staged(text, folder, name === 'old-servers' ? 'old' : 'new', started, names));
  try {
    await weir.settled();
    assert.deepEqual((await weir.servers()).map((one) => one.name), Object.keys(servers), 'one tool of each server');
    const told = [];
    for (const [server, tool] of Object.entries(servers)) told.push(await explained(weir.admin, `${server}__${tool}`, names));
    compare(name, told.join('\n'));
  } finally {
    assert.equal((await weir.stop()).code, 0);
    for (const one of started) await one.stop();
  }
}
async function inFolder(work) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weir-examples-'));
  try {
    return await work(folder);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

export const tests = {
  async 'every example is one that is looked at here, and passes the check as it is'() {
    assert.deepEqual(fs.readdirSync(examples).sort(), Object.keys(asked).map((name) => `${name}.yaml`).sort());
    for (const name of Object.keys(asked)) {
      const file = path.join(examples, `${name}.yaml`);
      assert.match(fs.readFileSync(file, 'utf8'), /^# yaml-language-server: \$schema=/);
      const { stdout } = await run(binary, ['check', file, '--json'], { env: { PATH: process.env.PATH } });
      for (const one of JSON.parse(stdout).diagnostics) assert.match(one.message, /can be reached from other machines/);
    }
  },

  ...Object.fromEntries(Object.entries(asked).map(([name, servers]) => [
    `the stacks of ${name}.yaml`,
    () => inFolder((folder) => served(name, fs.readFileSync(path.join(examples, `${name}.yaml`), 'utf8'), servers, folder)),
  ])),

  async 'the stack of what `weir init` writes'() {
    await inFolder(async (folder) => {
      await run(binary, ['init'], { cwd: folder });
      await served('init', fs.readFileSync(path.join(folder, 'weir.yaml'), 'utf8'), { demo: 'echo' }, folder);
    });
  },

  async 'the stack of the embedded default'() {
    await inFolder(async (folder) => {
      const child = spawn(binary, ['run', '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'], { cwd: folder, env: { PATH: process.env.PATH, HOME: folder } });
      let out = '';
      child.stdout.on('data', (data) => (out += data));
      const ended = new Promise((done) => child.on('exit', done));
      try {
        await until(() => /paste into/.test(out), 10000, 'the start');
        const admin = /admin\s+(\S+)/.exec(out)[1];
        await until(async () => answerOf(await request('GET', admin + '/servers')).servers.every((one) => one.tools !== undefined), 10000, 'its tools');
        compare('default', await explained(admin, 'echo', new Map()));
      } finally {
        child.kill('SIGTERM');
        assert.equal(await ended, 0);
      }
    });
  },
};
