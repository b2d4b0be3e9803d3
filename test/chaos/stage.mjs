// The processes of a run: upstreams behind gates, which live for many seeds, and the journal that they write. Ends only what
// it started, by its pid.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { own } from '../e2e/replicas.mjs';
import { until } from '../e2e/weir.mjs';
import { Gate } from './gate.mjs';

export const script = path.join(import.meta.dirname, 'server.mjs');
const descriptors = 96; // that an upstream may have: few enough to be used up

export class Upstream {
  asked = 0;
  static async start(options) {
    const self = Object.assign(new Upstream(), options);
    await self.run();
    self.gate = await Gate.open(self.port);
    return self;
  }
  async run() {
    const args = [script, '--name', this.name, '--era', this.era, '--journal', this.journal];
    this.child = own('bash', ['-c', `ulimit -n ${descriptors}; exec "$0" "$@"`, process.execPath, ...args], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.done = new Set();
    this.child.on('error', () => {});
    this.child.on('message', (said) => (said.port ? (this.port = said.port) : this.done.add(said.done)));
    this.port = 0;
    await until(() => this.port || this.child.exitCode !== null, 20000, 'an upstream');
    if (!this.port) throw new Error(`an upstream ended: ${this.child.exitCode}`);
    if (this.gate) this.gate.to = this.port;
  }
  async tell(message) {
    const n = ++this.asked;
    this.child.send({ ...message, n });
    await until(() => this.done.has(n), 20000, 'an upstream to obey');
  }
  // Resolves once it is so.
  async begin(fault) {
    this.fault = fault;
    switch (fault.kind) {
      case 'kill':
        this.child.kill('SIGKILL');
        await this.child.ended;
        return this.gate.fault('refuse', { cut: false });
      case 'stop': return void this.child.kill('SIGSTOP');
      case 'exhaust': return this.tell({ do: 'exhaust' });
      case 'wrong_id': case 's500': case 's503': return this.tell({ ...fault, do: 'fault' });
      default: return this.gate.fault(fault.kind, fault);
    }
  }
  async heal() {
    const { kind } = this.fault ?? {};
    this.fault = null;
    if (kind === 'kill') await this.run();
    if (kind === 'stop') this.child.kill('SIGCONT');
    if (['exhaust', 'wrong_id', 's500', 's503'].includes(kind)) await this.tell({ do: 'heal' });
    await this.gate.heal();
  }
  async end() {
    this.child.kill('SIGKILL');
    await this.gate.close();
  }
}

export class Stage {
  static async set(counts) {
    const self = new Stage();
    self.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weir-chaos-'));
    self.journal = path.join(self.folder, 'journal');
    fs.writeFileSync(self.journal, '');
    const some = (name, era) => Promise.all(Array.from({ length: counts[name] }, () => Upstream.start({ name, era, journal: self.journal })));
    const [n, o] = await Promise.all([some('n', 'new'), some('o', 'old')]);
    self.upstreams = { n, o };
    return self;
  }
  // Of a seed, as the gateway's configuration has them.
  servers(list) {
    const one = ({ name, era, by, count }) => {
      if (by === 'stdio') return { command: process.execPath, args: [script, '--stdio', '--name', name, '--era', era, '--journal', this.journal], ...(count > 1 ? { replicas: count } : {}) };
      const urls = this.upstreams[name].slice(0, count).map(({ gate }) => ({ url: gate.url }));
      return count > 1 ? { endpoints: urls } : urls[0];
    };
    return Object.fromEntries(list.map((server) => [server.name, { ...one(server), tools: { patient: { timeout: '60s' } } }]));
  }
  mark() {
    return fs.statSync(this.journal).size;
  }
  lines(mark = 0) {
    return fs.readFileSync(this.journal).subarray(mark).toString().split('\n').filter(Boolean).map((line) => line.split(' '));
  }
  // Pids of a server's children of this gateway that live now.
  children(name, parent) {
    const of = (pid) => {
      try {
        return Number(fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ')[1]);
      } catch {
        return 0;
      }
    };
    return this.lines().filter(([what, who, pid]) => what === 'pid' && who === name && of(pid) === parent).map(([, , pid]) => Number(pid));
  }
  // All that was sent to the upstreams has been seen by them: each has answered a word that came later.
  async settled() {
    await Promise.all(Object.values(this.upstreams).flat().map((one) => one.tell({ do: 'ping' })));
  }
  async end() {
    await Promise.all(Object.values(this.upstreams).flat().map((one) => one.end()));
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}
