// What must be true of a run, seen from clients and upstreams alike. Each broken rule is a line of text.
import { writes } from './caller.mjs';

// What the gateway may say of a call that failed, and whether it then may have been sent: any, no, maybe.
const codes = { 1001: 'no', 1002: 'any', 1003: 'any', 1004: 'any', 1005: 'no', 1006: 'any', 1007: 'maybe' };
const reasons = { 1001: 'unreachable', 1002: 'upstream_protocol', 1003: 'deadline_exceeded', 1004: 'overloaded', 1005: 'no_healthy_endpoint', 1006: 'cancelled', 1007: 'outcome_unknown' };
const told = (one) => `#${one.n} ${one.kind} of ${one.server} by ${one.by} at ${Math.round(one.at)} (${one.outcome} ${one.code ?? ''} ${one.reason ?? ''}, sent ${one.sent ?? '-'}; ${one.message ?? ''})`;

// How often each key ran.
export function runs(lines) {
  const out = new Map();
  for (const [what, , , key] of lines) if (what === 'run') out.set(key, (out.get(key) ?? 0) + 1);
  return out;
}

// `ran`: by key; `calls`: records.
export function judge(calls, ran) {
  const broken = [];
  for (const one of calls) {
    const times = ran.get(one.key) ?? 0;
    const say = (rule) => broken.push(`${rule}: ${told(one)}, ran ${times} times`);
    const write = writes.includes(one.kind);
    if (one.outcome === 'lost') say('a call never ended');
    if (one.outcome === 'closed') say('a call ended without an answer');
    if (one.outcome === 'http') say('a call ended as a status of HTTP');
    if (one.outcome === 'wrong') say('a wrong answer');
    if (write && times > 1) say('a write ran twice');
    if (one.outcome === 'ok' && ['read', 'same', 'slow', 'patient', ...writes].includes(one.kind) && !times) say('an answer to what never ran');
    if (one.outcome !== 'error') continue;
    const expected = codes[one.code];
    if (!expected || reasons[one.code] !== one.reason) say('an error that is none of these');
    else if (expected !== 'any' && one.sent !== expected) say('an error that says the wrong thing of what was sent');
    if (one.sent === 'no' && times) say('it ran, and was said not to be sent');
    if (write && times && one.code !== 1007 && one.sent !== 'maybe') say('a write ran, and its client is not told that it may have');
    if (one.code === 1006 && !one.kind.startsWith('cancel')) say('cancelled by nobody');
    // Of a connection that was cut nothing else is known than that.
    if (write && one.code === 1001 && times) say('a cut write is called unreachable');
  }
  return broken;
}
