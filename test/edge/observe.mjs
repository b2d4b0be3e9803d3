// Sends the bytes of one case and tells what became of them: the answers, the connection, what came to the upstream.
import net from 'node:net';

const probe = 'GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Probe: 1\r\n\r\n';
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// One answer at the beginning of `text` (latin1), or null while it is not whole. Takes what the table's own reader does not:
// answers of HTTP/0.9 (bytes without a head), and a body behind an answer to HEAD.
function parseAnswer(text, ended, bodiless) {
  if (!'HTTP/1.'.startsWith(text.slice(0, 7))) {
    if (!ended) return null;
    const refused = /<title>(\d{3}) /.exec(text);
    return { status: refused ? Number(refused[1]) : 200, headers: {}, body: text, size: text.length, bare: true };
  }
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const [first, ...lines] = text.slice(0, end).split('\r\n');
  const headers = {};
  for (const line of lines) headers[line.slice(0, line.indexOf(':')).toLowerCase()] = line.slice(line.indexOf(':') + 1).trim();
  const answer = { status: Number(first.split(' ')[1]), headers, body: '', size: end + 4 };
  const rest = text.slice(end + 4);
  if (answer.status < 200 || answer.status === 204 || (bodiless && (rest === '' || rest.startsWith('HTTP/1.')))) return answer;
  if (headers['transfer-encoding']) {
    const last = rest.indexOf('0\r\n\r\n');
    return last < 0 ? null : { ...answer, body: rest.slice(0, last), size: end + 4 + last + 5 };
  }
  if (headers['content-length'] === undefined) return ended ? { ...answer, body: rest, size: text.length } : null;
  const length = Number(headers['content-length']);
  return rest.length < length ? null : { ...answer, body: rest.slice(0, length), size: end + 4 + length };
}

class Line {
  static open(url, bodiless) {
    const self = new Line();
    Object.assign(self, { text: '', ended: false, answers: [], taken: 0, bodiless, sent: [], last: Date.now() });
    self.socket = net.connect({ host: '127.0.0.1', port: Number(new URL(url).port), allowHalfOpen: true, noDelay: true });
    const tell = (ended) => {
      self.last = Date.now();
      self.ended ||= ended;
      for (let got; self.text !== '' && (got = parseAnswer(self.text, self.ended, self.bodiless)); ) {
        self.text = self.text.slice(got.size);
        if (got.status >= 200) self.bodiless = false;
        self.answers.push(got);
      }
    };
    self.socket.on('data', (data) => ((self.text += data.toString('latin1')), tell(false)));
    self.socket.on('end', () => tell(true)).on('close', () => tell(true)).on('error', () => tell(true));
    return new Promise((done, fail) => self.socket.once('connect', () => done(self)).once('error', fail));
  }
  send(bytes) {
    this.sent.push(bytes);
    if (!this.socket.destroyed) this.socket.write(Buffer.from(bytes, 'latin1'));
    return this;
  }
  async sendParts(parts) {
    for (const part of parts) {
      this.sent.push(part);
      // Who refuses early may read no more: that is no reason to wait.
      const { socket } = this;
      const written = new Promise((done) => (socket.destroyed ? done() : socket.write(Buffer.from(part, 'latin1'), done)));
      await Promise.race([written, pause(1000)]);
      await new Promise(setImmediate);
    }
  }
  // As the tables' own functions wait for it.
  async answer() {
    for (const end = Date.now() + 3000; this.answers.length === this.taken; await pause(5)) {
      if (this.ended) return null;
      if (Date.now() > end) throw new Error('no answer');
    }
    return this.answers[this.taken++];
  }
  // Nothing has come for so long, or nothing will.
  async quiet(ms) {
    this.last = Date.now();
    while (!this.ended && Date.now() - this.last < ms) await pause(5);
  }
}

const isProbe = (answer) => answer?.status === 200 && (answer.headers['x-raw'] === 'probe' || /^\{"status":"/.test(answer.body));

// {answers: [{status, by}], end: 'open', 'closed' or 'waits', reached: framings, parts, odd, sent}. by: 'gate' answered itself,
// 'upstream' answered through it. parts: requests that the upstream saw the beginning of only. `patience` 1 is quick; what
// seems to wait is looked at again with more.
async function observe(one, gate, patience) {
  const { upstream } = gate;
  const line = await Line.open(gate.url, one.bodiless);
  let others = false; // it sends other requests for /health meanwhile
  const relevant = (got) => got.odd.length || !(gate.name === 'Weir' ? got.own : got.probe || (got.health && others));
  try {
    if (typeof one.send === 'function') {
      const weir = { get url() { return (others = true), gate.url; } };
      await one.send(line, { weir }).catch(() => {}); // it asserts what Weir does
    } else {
      await line.sendParts([one.send].flat());
    }
    if (one.finish) line.socket.end();
    await line.quiet(100 * patience);
    const before = line.answers.length;
    const sent = line.sent.join('');
    const earlier = upstream.seen.length;
    const probed = () => line.answers.length > before && isProbe(line.answers.at(-1));
    let end = 'closed';
    if (!line.ended) {
      if (!one.finish) line.send(probe);
      for (const until = Date.now() + 500 * patience; !line.ended && !probed() && Date.now() < until; ) await pause(5);
      end = probed() ? 'open' : 'waits';
      if (end === 'open') line.answers.pop();
      else if (patience > 1) line.answers.length = before; // the rest came of the probe
      // It said that it ends, and reads on for a while.
      if (end === 'waits' && line.answers[before - 1]?.headers.connection?.toLowerCase() === 'close') end = 'closed';
    }
    const seen = upstream.seen.slice(0, end === 'waits' ? earlier : undefined).filter(relevant);
    return {
      answers: line.answers.filter(({ status }) => status >= 200).map(({ status, headers, bare, body }) => ({
        status, bare, by: headers['x-raw'] || (bare && status === 200) ? 'upstream' : 'gate', body: body.slice(0, 200),
      })),
      end, parts: upstream.parts(), reached: seen.map((got) => got.framing),
      asked: seen.map((got) => got.asked), odd: [...new Set(seen.flatMap((got) => got.odd))], sent,
    };
  } finally {
    line.socket.destroy();
    await upstream.clear();
  }
}
export async function observeSurely(one, gate) {
  const got = await observe(one, gate, 1);
  return got.end === 'waits' ? observe(one, gate, 4) : got;
}

// One letter for each request: A was taken (by Weir with success, by a proxy that passed it on), R was refused or the
// connection ended instead, W: no answer within the bound.
export function decision({ answers, end }) {
  const letters = answers.map(({ status, by }) => (by === 'upstream' || status < 300 ? 'A' : 'R')).join('');
  return (letters + (end === 'waits' ? 'W' : '')) || 'R';
}
