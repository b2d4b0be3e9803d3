// nginx and HAProxy before the replicas of one server, as Debian ships them, tuned as bench/run.py does. Each twice: as it
// comes (its own retries by default) and with no retries at all. Ends only what it started.
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { call, own, startGateway, until } from '../e2e/replicas.mjs';

// Below the ports that the system gives out: nobody's outgoing connection sits on it.
async function freePort() {
  for (;;) {
    const port = 10000 + Math.floor(Math.random() * 20000);
    const probe = net.createServer();
    const free = await new Promise((done) => probe.once('error', () => done(false)).listen(port, '127.0.0.1', () => done(true)));
    if (free) return new Promise((done) => probe.close(() => done(port)));
  }
}
const hosts = (replicas) => replicas.map((one) => new URL(one.url).host);

// 5 s without an answer is their time-out, as the measurements of the design have it. POST is not repeated by default once
// it was sent; connects that fail are.
const nginx = (more) => (replicas, port, folder) => ({
  args: ['-c', `${folder}/conf`, '-p', folder],
  conf: `daemon off; worker_processes 1; pid ${folder}/pid; error_log /dev/null crit;
events { worker_connections 4096; }
http { access_log off; client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f;
uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s; client_body_buffer_size 512k; keepalive_requests 1000000000;
upstream u { ${hosts(replicas).map((one) => `server ${one};`).join(' ')} keepalive 256; keepalive_requests 1000000000; }
server { listen 127.0.0.1:${port}; location / { proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection "";
proxy_connect_timeout 5s; proxy_read_timeout 5s; ${more} } } }
`,
});
const haproxy = (more, check) => (replicas, port, folder) => ({
  args: ['-f', `${folder}/conf`, '-db'],
  conf: `global
  nbthread 1
  maxconn 4000
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 5s
  timeout check 200ms
  option http-keep-alive
  http-reuse always
  ${more}
frontend f
  bind 127.0.0.1:${port}
  default_backend b
backend b
  balance leastconn
  ${check}
  default-server check inter 200ms fall 2 rise 2 observe layer7 error-limit 10 on-error mark-down
${hosts(replicas).map((one, i) => `  server s${i} ${one}`).join('\n')}
`,
});
const health = 'option httpchk GET /health\n  http-check expect status 200';
const discover = '{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}';
const mcp = `option httpchk
  http-check send meth POST uri /mcp ver HTTP/1.1 hdr Host localhost hdr Content-Type application/json hdr Accept application/json hdr MCP-Protocol-Version 2026-07-28 hdr Mcp-Method server/discover body '${discover}'
  http-check expect string supportedVersions`;

function peer(program, configure) {
  return async (replicas) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weir-peer-'));
    const port = await freePort();
    const { args, conf } = configure(replicas, port, folder);
    fs.writeFileSync(path.join(folder, 'conf'), conf);
    const child = own(program, args, { stdio: ['ignore', 'ignore', 'pipe'], ending: 'SIGTERM' });
    let wrong = '';
    child.on('error', (error) => (wrong = error.message));
    child.stderr.on('data', (data) => (wrong += data));
    const url = `http://127.0.0.1:${port}/mcp`;
    const agent = new http.Agent();
    await until(async () => child.exitCode !== null || (await call(url, { id: 'first', agent })).outcome === 'ok', 10000, `${program}: ${wrong}`);
    if (child.exitCode !== null) throw new Error(`${program} ended: ${wrong}`);
    return {
      url,
      async stop() {
        child.kill('SIGTERM');
        await child.ended;
        fs.rmSync(folder, { recursive: true, force: true });
      },
    };
  };
}

// By name: start(replicas) gives {url, stop()}.
export const targets = {
  weir: (replicas) => startGateway(replicas),
  'nginx (no retries)': peer('nginx', nginx('proxy_next_upstream off;')),
  'nginx (defaults)': peer('nginx', nginx('')),
  'HAProxy (no retries)': peer('haproxy', haproxy('retries 0', health)),
  'HAProxy (defaults)': peer('haproxy', haproxy('option redispatch 1', health)),
  'HAProxy (MCP probe)': peer('haproxy', haproxy('option redispatch 1', mcp)),
};
