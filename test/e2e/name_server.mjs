// A name server over UDP for tests: it answers for A and AAAA what it is told, and keeps what it was asked.
import dgram from 'node:dgram';

const types = { 1: 'A', 28: 'AAAA' };

function record(type, ttl, address) {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0); // the name of the question
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(ttl, 6);
  const data = type === 1 ? Buffer.from(address.split('.').map(Number)) : ipv6(address);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function ipv6(text) {
  const [front, back = ''] = text.split('::').map((part) => part.split(':').filter(Boolean));
  const words = text.includes('::') ? [...front, ...Array(8 - front.length - back.length).fill('0'), ...back] : front;
  const out = Buffer.alloc(16);
  words.forEach((word, i) => out.writeUInt16BE(parseInt(word, 16), 2 * i));
  return out;
}

export class NameServer {
  static async start(records = {}) {
    const self = new NameServer();
    // name: addresses of both families, {A: ..., AAAA: ...} with 'servfail' or 'silent' for one of them, or one of
    // these words for both; what is not there is NXDOMAIN.
    self.records = records;
    self.ttl = 1;
    self.asked = [];
    self.socket = dgram.createSocket('udp4');
    self.socket.on('message', (bytes, from) => self.answer(bytes, from));
    await new Promise((done) => self.socket.bind(0, '127.0.0.1', done));
    self.address = `127.0.0.1:${self.socket.address().port}`;
    return self;
  }
  stop() {
    return new Promise((done) => this.socket.close(done));
  }
  // How often each name's A was asked for.
  count(name) {
    return this.asked.filter((one) => one === `${name} A`).length;
  }
  answer(bytes, from) {
    const labels = [];
    let at = 12;
    for (; bytes[at] !== 0; at += bytes[at] + 1) labels.push(bytes.toString('latin1', at + 1, at + 1 + bytes[at]));
    const type = bytes.readUInt16BE(at + 1);
    const name = labels.join('.').toLowerCase();
    this.asked.push(`${name} ${types[type]}`);
    const all = this.records[name];
    const own = Array.isArray(all) ? all.filter((address) => address.includes(':') === (type === 28)) : (all?.[types[type]] ?? all);
    if (own === 'silent') return;
    const addresses = Array.isArray(own) ? own : [];
    const head = Buffer.from(bytes.subarray(0, 12));
    const code = own === 'servfail' ? 2 : all === undefined ? 3 : 0;
    head.writeUInt16BE(0x8180 | code, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(addresses.length, 6);
    head.writeUInt32BE(0, 8);
    const question = bytes.subarray(12, at + 5);
    this.socket.send(Buffer.concat([head, question, ...addresses.map((address) => record(type, this.ttl, address))]), from.port, from.address);
  }
}
