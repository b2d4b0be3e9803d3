// nginx, HAProxy and Weir, each before a bare upstream of its own. The first two are plain reverse proxies as they come:
// HTTP/1.1 and reuse of connections behind them, nothing that makes them stricter or more lenient. Ends only what it started.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { own, until } from '../e2e/replicas.mjs';
import { Weir, binary } from '../e2e/weir.mjs';
import { RawUpstream } from './raw_upstream.mjs';

// Below the ports that the system gives out: nobody's outgoing connection sits on it.
async function freePort() {
  for (;;) {
    const port = 10000 + Math.floor(Math.random() * 20000);
    const probe = net.createServer();
    const free = await new Promise((done) => probe.once('error', () => done(false)).listen(port, '127.0.0.1', () => done(true)));
    if (free) return new Promise((done) => probe.close(() => done(port)));
  }
}
const opens = (port) =>
  new Promise((done) => {
    const socket = net.connect(port, '127.0.0.1', () => (socket.destroy(), done(true))).on('error', () => done(false));
  });

const confs = {
  nginx: (port, behind, folder) => `daemon off; worker_processes 1; pid ${folder}/pid; error_log /dev/null crit;
events { worker_connections 512; }
http { access_log off; client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f;
uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
upstream u { server 127.0.0.1:${behind}; keepalive 16; }
server { listen 127.0.0.1:${port}; location / { proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection ""; } } }
`,
  HAProxy: (port, behind) => `global
  nbthread 1
  maxconn 512
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend f
  bind 127.0.0.1:${port}
  default_backend b
backend b
  server s 127.0.0.1:${behind}
`,
};
const commands = {
  nginx: (folder) => ['nginx', '-c', `${folder}/conf`, '-p', folder],
  HAProxy: (folder) => ['haproxy', '-f', `${folder}/conf`, '-db'],
};

async function startPeer(name) {
  const upstream = await RawUpstream.start();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weir-edge-'));
  fs.chmodSync(folder, 0o755); // the worker of nginx is somebody else
  const port = await freePort();
  fs.writeFileSync(path.join(folder, 'conf'), confs[name](port, upstream.port, folder));
  const [program, ...args] = commands[name](folder);
  const child = own(program, args, { stdio: ['ignore', 'ignore', 'pipe'], ending: 'SIGTERM' });
  let wrong = '';
  child.on('error', (error) => (wrong = error.message));
  child.stderr.on('data', (data) => (wrong += data));
  await until(async () => child.exitCode !== null || (await opens(port)), 10000, `${name}: ${wrong}`);
  if (child.exitCode !== null) throw new Error(`${name} ended: ${wrong}`);
  const stop = async () => {
    child.kill('SIGTERM');
    await child.ended;
    await upstream.stop();
    fs.rmSync(folder, { recursive: true, force: true });
  };
  return { name, url: `http://127.0.0.1:${port}`, upstream, stop };
}

async function startWeir(config) {
  const upstream = await RawUpstream.start();
  const weir = await Weir.start({ servers: { a: { url: upstream.url } }, ...config });
  process.on('exit', () => weir.child.exitCode ?? weir.child.kill('SIGKILL'));
  await weir.settled();
  await upstream.clear();
  const stop = async () => {
    const { code, signal } = await weir.stop();
    await upstream.stop();
    if (code !== 0) throw new Error(`weir: exit code ${code} ${signal}: ${weir.log.slice(-2000)}`);
  };
  return { name: 'Weir', url: weir.url.replace(/\/mcp$/, ''), upstream, stop };
}

export async function startGates(config) {
  return Promise.all([startWeir(config), startPeer('nginx'), startPeer('HAProxy')]);
}

export function versions() {
  const told = (program, ...args) => execFileSync('sh', ['-c', `"$0" "$@" 2>&1`, program, ...args], { encoding: 'utf8' });
  return {
    Weir: /weir (\S+)/.exec(told(binary, '--version'))[1],
    nginx: /nginx\/(\S+)/.exec(told('nginx', '-v'))[1],
    HAProxy: /version (\d+\.\d+\.\d+)/.exec(told('haproxy', '-v'))[1],
  };
}
