// The fault gate: a TCP proxy between the gateway and one upstream process, which harms what passes as it is told. It knows
// nothing of MCP, and of HTTP only where an answer's head ends. Kinds: refuse, reset_request (never passed on), reset_answer
// (run, but its answer never comes), reset_in, reset_after, hole (accepts, passes nothing), deaf (nobody accepts), delay,
// trickle, corrupt, truncate, half_close, garbage, flap.
import { fork } from 'node:child_process';
import net from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { numbers } from '../e2e/numbers.mjs';
import { until } from '../e2e/weir.mjs';

export const kinds = ['refuse', 'reset_request', 'reset_answer', 'reset_in', 'reset_after', 'hole', 'deaf', 'delay', 'trickle', 'corrupt', 'truncate', 'half_close', 'garbage', 'flap'];
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// Bytes that no JSON text may have, wherever they stand; the head stays whole, or else the length were wrong too.
function corrupted(chunk, draw) {
  const head = chunk.indexOf('HTTP/') === 0 ? chunk.indexOf('\r\n\r\n') + 4 : 0;
  const copy = Buffer.from(chunk);
  for (let i = 0; i < 3 && head < copy.length; ++i) copy[head + draw(copy.length - head)] = [0x00, 0x01, 0xff, 0xc0][draw(4)];
  return copy;
}

// One connection and its other half. What passes does so in order, each way by itself.
class Pair {
  constructor(gate, near) {
    Object.assign(this, { gate, near, far: net.connect({ port: gate.to, host: '127.0.0.1', allowHalfOpen: true }) });
    this.tails = { up: Promise.resolve(), down: Promise.resolve() };
    gate.pairs.add(this);
    this.carry('up', near, this.far);
    this.carry('down', this.far, near);
  }
  carry(way, from, to) {
    const then = (act) => (this.tails[way] = this.tails[way].then(act));
    from.on('error', () => (from.broken = true));
    from.on('data', (chunk) => then(() => this.pass(way, chunk, to)));
    from.on('end', () => then(() => to.end()));
    from.on('close', () => then(() => {
      this.gate.pairs.delete(this);
      if (from.broken) to.resetAndDestroy();
      else to.destroySoon();
    }));
  }
  reset() {
    this.near.resetAndDestroy();
    this.far.resetAndDestroy();
  }
  async pass(way, chunk, to) {
    const { gate, near } = this;
    const kind = gate.meets();
    if (kind === 'hole') {
      await gate.healing;
      return gate.flush ? void to.write(chunk) : this.reset();
    }
    if (kind === 'delay') await Promise.race([gate.healing, pause(gate.ms)]);
    if (way === 'up') return kind === 'reset_request' ? this.reset() : void to.write(chunk);
    const half = chunk.subarray(0, 1 + gate.draw(Math.max(1, chunk.length - 1)));
    switch (kind) {
      case 'reset_answer': return this.reset();
      case 'reset_in': return void near.write(half, () => this.reset());
      case 'reset_after': return void near.write(chunk, () => this.reset());
      case 'truncate': return near.end(half), void this.far.destroy();
      case 'half_close': return void near.end();
      case 'garbage': return void near.end(Buffer.from(Array.from({ length: 1 + gate.draw(300) }, () => gate.draw(256))));
      case 'corrupt': return void near.write(corrupted(chunk, gate.draw));
      case 'trickle': return this.trickle(chunk);
      default: return void near.write(chunk);
    }
  }
  async trickle(chunk) {
    const { gate } = this;
    for (let i = 0; i < chunk.length && !this.near.destroyed; ++i) {
      if (gate.kind !== 'trickle') return void this.near.write(chunk.subarray(i));
      this.near.write(chunk.subarray(i, i + 1));
      await Promise.race([gate.healing, pause(100)]);
    }
  }
}

export class Gate {
  kind = 'none';
  pairs = new Set();
  draw = numbers(1);
  // `to`: the upstream's port. The gate's own is below those that the system gives out: nobody takes it while it is refused.
  static async open(to) {
    const self = new Gate();
    self.to = to;
    self.server = net.createServer({ allowHalfOpen: true }, (near) => new Pair(self, near));
    for (let tries = 0; ; ++tries) {
      self.port = 10000 + Math.floor(Math.random() * 20000);
      if (await self.listen().then(() => true, (error) => error.code !== 'EADDRINUSE' || tries > 200)) break;
    }
    self.url = `http://127.0.0.1:${self.port}/mcp`;
    return self;
  }
  listen() {
    if (this.server.listening) return Promise.resolve();
    return new Promise((done, fail) => this.server.once('error', fail).listen(this.port, '127.0.0.1', () => (this.server.off('error', fail), done())));
  }
  // Whether connections that exist are cut too.
  shut(cut) {
    if (cut) for (const one of this.pairs) one.reset();
    return new Promise((done) => (this.server.listening ? (this.server.close(), setImmediate(done)) : done()));
  }
  // `share`: of what passes; `cut`: whether connections that exist are cut as the listener goes; `flush`: whether what was
  // held passes once it is healed, else it is cut; `seed`: of its chance.
  async fault(kind, { share = 1, ms = 200, cut = true, flush = false, seed = 1 } = {}) {
    Object.assign(this, { kind, share, ms, flush, draw: numbers(seed) });
    this.healing = new Promise((done) => (this.healed = done));
    if (kind === 'refuse') await this.shut(cut);
    if (kind === 'deaf') await this.deafen();
    if (kind === 'flap') {
      await this.shut(cut);
      this.flapping = setInterval(() => void (this.server.listening ? this.shut(cut) : this.listen()).catch(() => {}), ms);
    }
  }
  // What a chunk meets.
  meets() {
    return ['none', 'refuse', 'deaf', 'flap'].includes(this.kind) || this.draw(1000) >= this.share * 1000 ? 'none' : this.kind;
  }
  // Another process listens, and is stopped; the queue before it is full. Connections that exist are held as in a hole.
  async deafen() {
    await this.shut(true);
    this.ear = fork(fileURLToPath(import.meta.url), [String(this.port)], { stdio: 'ignore' });
    process.on('exit', (this.ending = () => this.ear?.kill('SIGKILL')));
    await new Promise((done) => this.ear.once('message', done).once('exit', done));
    this.ear.kill('SIGSTOP');
    let taken = 0;
    this.takers = Array.from({ length: 6 }, () => net.connect(this.port, '127.0.0.1', () => ++taken).on('error', () => {}));
    await until(() => taken > 1, 1000, 'a full queue').catch(() => {});
  }
  async heal() {
    clearInterval(this.flapping);
    this.kind = 'none';
    for (const one of this.takers ?? []) one.destroy();
    if (this.ear) {
      const gone = this.ear.exitCode === null && this.ear.signalCode === null && new Promise((done) => this.ear.once('exit', done));
      this.ear.kill('SIGKILL');
      await gone;
      process.off('exit', this.ending);
    }
    Object.assign(this, { ear: null, takers: [] });
    await until(() => this.listen().then(() => true, () => false), 10000, 'the port of a gate');
    this.healed?.();
  }
  async close() {
    await this.heal();
    await this.shut(true);
  }
}

// The ear of a deaf gate.
if (process.argv[1] === fileURLToPath(import.meta.url) && process.send) {
  net.createServer(() => {}).listen(Number(process.argv[2]), '127.0.0.1', 1, () => process.send('listens'));
  process.on('disconnect', () => process.exit(0));
}
