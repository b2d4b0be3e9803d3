// A server over stdio that lies as the arguments of a call say: `steps`, one after the other, once another call is held.
// Usage: node lying_child.mjs new|old
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { createInterface } from 'node:readline';
import { Lie, honestly, tools, unknown } from './lying.mjs';

const self = { era: process.argv[2], tools: [...tools, 'release'], held: null };
const seen = []; // what came besides calls, as it came
const released = new Set();
let wanted = null; // the call that waits for another one to be held
let line = null; // tells of the next line

// What the pipe takes now, in bytes.
const writeSome = (bytes, fd) => {
  try {
    return fs.writeSync(fd, Buffer.from(bytes, 'latin1'));
  } catch (error) {
    if (error.code !== 'EAGAIN') throw error;
    return 0;
  }
};
const write = (text, fd = 1) => {
  for (let at = 0; at < text.length;) {
    const taken = writeSome(text.slice(at), fd);
    if (taken === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1); // the pipe is full
    at += taken;
  }
};
const say = (text) => write(Buffer.from(text + '\n', 'utf8').toString('latin1'));

// What stands for the parts of a message in a lie.
function filled(text, lie) {
  const own = {
    ID: lie.id,
    NEXT: lie.next,
    HELD: lie.held,
    HELDTOKEN: JSON.stringify(lie.heldToken),
    TOKEN: JSON.stringify(lie.token),
    MARKER: lie.marker,
    GOOD: lie.good,
    RESULT: lie.result(),
  };
  return text.replace(/@([A-Z]+)@/g, (_, name) => own[name]);
}
const step = {
  out: (text) => write(text),
  err: (text) => write(text, 2),
  async bytes(text) {
    for (const byte of text) {
      write(byte);
      await new Promise(setImmediate);
    }
  },
  // Until the next line comes. Nothing is left to a queue: what waits in one would come within what is written at once.
  async flood(text, { to = 'out' }) {
    const fd = to === 'out' ? 1 : 2;
    const block = text.repeat(Math.max(1, Math.floor(16384 / text.length)));
    let over = false;
    line = () => {
      over = true;
      write('\n', fd); // an answer behind it would be part of it
    };
    while (!over) {
      writeSome(block, fd);
      await new Promise(setImmediate);
    }
  },
  line: () => new Promise((done) => (line = done)),
  close: (_, { fd }) => fs.closeSync(fd),
  // Somebody else holds what was inherited, and lives on.
  leave: () => void spawn('sleep', ['30'], { stdio: ['ignore', 'inherit', 'inherit'], detached: true }).unref(),
  exit: (_, { code = 0 }) => process.exit(code),
  kill: (_, { signal }) => (process.kill(process.pid, signal), new Promise(() => {})),
  deaf: (_, { ms }) => new Promise((done) => (input.pause(), setTimeout(() => done(input.resume()), ms))),
};
async function tell(message) {
  const lie = new Lie(self, message);
  for (const one of message.params.arguments.steps) {
    const [kind] = Object.keys(one);
    await step[kind](filled(String(one[kind]), lie).repeat(one.times ?? 1), one);
  }
}

// Lines that come together are taken one after the other, with what each sets off in between.
const lines = [];
let taking = false;
const input = createInterface({ input: process.stdin });
input.on('line', async (text) => {
  lines.push(text);
  if (taking) return;
  taking = true;
  while (lines.length) {
    take(lines.shift());
    await new Promise(setImmediate);
  }
  taking = false;
});
function take(text) {
  const message = JSON.parse(text);
  line?.();
  line = null;
  if (message.method !== 'tools/call') seen.push(text);
  const answer = message.id !== undefined && honestly(self, message);
  if (answer) return say(answer);
  if (message.method !== 'tools/call') return message.id !== undefined && message.method && say(unknown(message.id));
  const { name, arguments: args } = message.params;
  if (name === 'wait' && !released.delete(args.marker)) {
    self.held = { message };
    if (wanted) void tell(wanted);
    wanted = null;
    return;
  }
  if (name === 'release') {
    if (self.held?.message.params.arguments.marker === args.of) {
      say(new Lie(self, self.held.message).good);
      self.held = null;
    } else {
      released.add(args.of);
    }
  }
  if (!args.steps) {
    const lie = new Lie(self, message);
    return say(lie.response(lie.id, lie.marker, `,"seen":${JSON.stringify(seen.splice(0))}`));
  }
  if (self.held) void tell(message);
  else wanted = message;
}
