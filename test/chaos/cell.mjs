// One seed: a gateway before the servers of its schedule, all its calls and faults, then the judges. Run by itself as a child
// of run.mjs it takes seeds by messages and keeps its upstreams.
import fs from 'node:fs';
import { Weir, agent, binary, until } from '../e2e/weir.mjs';
import { metric, endpoints } from '../e2e/replicas.mjs';
import { now } from '../e2e/replica_book.mjs';
import { Caller } from './caller.mjs';
import { judge, runs } from './judge.mjs';

const pause = (ms) => new Promise((done) => setTimeout(done, Math.max(0, ms)));
const handles = (pid) => fs.readdirSync(`/proc/${pid}/fd`).length;
const slack = 12; // descriptors that rest: connections to upstreams

// A binary that does not know the key does nothing about it.
const timeouts = fs.readFileSync(binary).includes('weir/timeoutMs');

// How long a process's threads have waited for a processor so far, ms; 0 where the kernel does not say.
function starved(pid) {
  try {
    return fs.readdirSync(`/proc/${pid}/task`).reduce((sum, task) => sum + Number(fs.readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[1]) / 1e6, 0);
  } catch {
    return 0;
  }
}
// On a machine that stands still deadlines pass for no one's fault.
const late = 300; // ms

// Children of the gateway: what befalls one of them, and its end.
function harm(pid, fault) {
  const hit = (signal) => {
    try {
      process.kill(pid, signal);
    } catch {
      // It has gone already.
    }
  };
  hit({ kill: 'SIGKILL', stop: 'SIGSTOP', spoil: 'SIGUSR2' }[fault.kind]);
  return () => fault.kind === 'stop' && hit('SIGCONT');
}

class Run {
  broken = [];
  records = [];
  constructor(stage, plan) {
    Object.assign(this, { stage, plan, names: plan.servers.map((one) => one.name) });
  }
  async everything() {
    this.mark = this.stage.mark();
    this.weir = await Weir.start({ ...this.plan.config, servers: this.stage.servers(this.plan.servers) });
    const kill = () => this.weir.child.kill('SIGKILL');
    process.on('exit', kill);
    try {
      await this.whole('at the start');
      this.callers = this.plan.callers.map((one) => new Caller(this.weir.url, one, { servers: this.names }));
      for (const one of this.callers) await one.open();
      await this.series('before any fault');
      const before = await this.resting();
      await this.storm();
      await this.whole('after the last fault');
      await this.series('after the last fault');
      await this.rests(before);
      this.starved = Math.round(this.starving());
      await this.stage.settled();
      this.broken.push(...judge(this.records, runs(this.stage.lines(this.mark))), ...this.callers.flatMap((one) => one.crossed));
    } catch (error) {
      this.broken.push(error.stack);
    } finally {
      for (const one of this.callers ?? []) one.close();
      if (this.weir.child.exitCode !== null || this.weir.child.signalCode) this.broken.push(`the gateway ended: ${this.weir.child.signalCode ?? this.weir.child.exitCode}\n${this.weir.log.slice(-2000)}`);
      const how = await this.weir.stop();
      if (how.code !== 0) this.broken.push(`it did not end well: ${JSON.stringify(how)}\n${this.weir.log.slice(-2000)}`);
      process.off('exit', kill);
    }
    return this;
  }
  async one(call) {
    if (call.kind === 'patient' && !timeouts) return;
    const record = await this.callers[call.caller].call(call);
    this.records.push(record);
    return record;
  }
  // Calls and faults as the schedule has them, until all calls have ended and all faults are healed.
  async storm() {
    const begun = now();
    const { calls, faults } = this.plan;
    const meet = async (fault) => {
      await pause(begun + fault.at - now());
      const upstream = this.stage.upstreams[fault.server]?.[fault.place];
      const [pid] = upstream ? [] : this.stage.children(fault.server, this.weir.child.pid).slice(fault.place);
      const heal = upstream ? (await upstream.begin(fault), () => upstream.heal()) : pid ? harm(pid, fault) : () => {};
      await pause(begun + fault.until - now());
      await heal();
    };
    const targets = new Map(); // faults of one come one after the other, however late
    const befall = faults.map((fault) => {
      const target = fault.server + fault.place;
      targets.set(target, (targets.get(target) ?? Promise.resolve()).then(() => meet(fault)));
      return targets.get(target);
    });
    const made = calls.map(async (call) => {
      await pause(begun + call.at - now());
      await this.one(call);
    });
    await Promise.all([...befall, ...made]);
  }
  // Waits until every endpoint of every server is healthy; calls meanwhile, since a lone endpoint is known by its calls.
  async whole(when) {
    let seen;
    const well = async () => {
      if (this.callers) for (const server of this.names) await this.one({ caller: 0, server, kind: 'read', ms: 0, n: when, at: 0 });
      seen = (await Promise.all(this.names.map(async (name) => (await endpoints(this.weir, name)).map((one) => ({ name, ...one }))))).flat();
      return seen.every((one) => one.state === 'healthy' && (one.breaker ?? 'closed') === 'closed') || (await pause(30), false);
    };
    await until(well, 60000, `all endpoints ${when}`).catch((error) => {
      throw new Error(`${error.message}: ${JSON.stringify(seen)}`);
    });
  }
  // A call of each kind to each server; nothing may fail now, but for deadlines while the machine stood still.
  async series(when) {
    let failed;
    for (let tries = 0; tries < 5; ++tries) {
      const before = this.starving();
      failed = await this.once(when);
      if (!failed.length || failed.some(({ code }) => code !== 1003) || this.starving() - before < late) break;
    }
    for (const one of failed) this.broken.push(`${when}: ${one.kind} of ${one.server} by ${one.by}: ${one.outcome} ${one.code ?? ''} ${one.message ?? ''}`);
  }
  starving() {
    const pids = [process.pid, this.weir.child.pid, ...Object.values(this.stage.upstreams).flat().map((one) => one.child.pid)];
    return pids.reduce((sum, pid) => sum + starved(pid), 0);
  }
  async once(when) {
    const failed = [];
    for (const kind of ['read', 'write', 'same', 'bare', 'slow', 'resource', 'prompt', 'tools'])
      await Promise.all(this.names.flatMap((server) => [0, 1, 3].map(async (caller) => {
        const record = await this.one({ n: when, at: 0, caller, server, kind, ms: 0 });
        if (record.outcome !== 'ok') failed.push(record);
      })));
    return failed;
  }
  // The gateway's descriptors once its clients hold none.
  async resting() {
    for (const one of this.callers) one.close();
    agent.destroy(); // what asks its admin address
    await until(async () => (await metric(this.weir, 'weir_connections', { side: 'client' })).every((one) => one.value <= 2), 10000, 'clients to have gone');
    return handles(this.weir.child.pid);
  }
  // Nothing is in flight any more, and no descriptor is left behind.
  async rests(before) {
    let flying;
    const still = async () => {
      const gauges = (await metric(this.weir, 'weir_in_flight')).map((one) => one.value);
      const each = (await Promise.all(this.names.map((name) => endpoints(this.weir, name)))).flat().map((one) => one.in_flight);
      flying = [gauges, each];
      return gauges.length > 0 && [...gauges, ...each].every((value) => value === 0);
    };
    await until(still, 20000, 'nothing in flight').catch((error) => this.broken.push(`${error.message}: ${JSON.stringify(flying)}`));
    await this.resting();
    const few = () => handles(this.weir.child.pid) <= before + slack;
    await until(few, 20000, 'its descriptors').catch((error) => this.broken.push(`${error.message}: ${before} before, ${handles(this.weir.child.pid)} after`));
  }
}

// Runs a schedule on a stage: {seed, calls, outcomes, broken, ms}.
export async function cell(stage, plan) {
  const begun = now();
  const { records, broken, starved: waited } = await new Run(stage, plan).everything();
  const outcomes = {};
  for (const { outcome, code } of records) {
    const name = [outcome, code].filter(Boolean).join(' ');
    outcomes[name] = (outcomes[name] ?? 0) + 1;
  }
  return { seed: plan.seed, calls: records.length, outcomes, broken, ms: Math.round(now() - begun), faults: plan.faults.length, waited, records };
}
