// Client scenarios through the gateway. The suite starts this file as its client; it hands the URL of the suite's
// server to the runner, which puts a gateway before it and the fixture client before that. So only the runner starts
// gateways, and ends them whatever becomes of the suite.
import http from 'node:http';
import { Weir } from '../weir.mjs';

// Serves `command` to the suite; `run` is the fixture client's.
export class Relay {
  static async start(run, told) {
    console.warn = () => {}; // the SDK names every tool that it leaves out
    const self = new Relay();
    self.server = http.createServer(async (request, response) => {
      let body = '';
      for await (const part of request) body += part;
      const { url, env } = JSON.parse(body);
      const problem = await through(url, (gateway) => run(gateway, told(env)));
      response.writeHead(problem ? 500 : 200).end(problem);
    });
    await new Promise((done) => self.server.listen(0, '127.0.0.1', done));
    self.command = `${process.execPath} ${import.meta.filename} http://127.0.0.1:${self.server.address().port}`;
    return self;
  }
  stop() {
    this.server.closeAllConnections();
    return new Promise((done) => this.server.close(done));
  }
}

// Tells what went wrong, if anything. The deadline is before the suite's own.
async function through(url, work) {
  let weir;
  let timer;
  try {
    weir = await Weir.start({ servers: { suite: { url } } });
    const late = new Promise((_, fail) => (timer = setTimeout(() => fail(new Error('the client waited 20 s')), 20000)));
    await Promise.race([work(weir.url), late]);
  } catch (error) {
    return String(error);
  } finally {
    clearTimeout(timer);
    const how = await weir?.stop();
    if (how && how.code !== 0) return `the gateway ended so: ${JSON.stringify(how)}`;
  }
}

if (process.argv[1] === import.meta.filename) {
  const [runner, url] = process.argv.slice(2);
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => name === 'ERA' || name.startsWith('MCP_CONFORMANCE_')));
  const request = http.request(runner, { method: 'POST' }, (response) => {
    response.pipe(process.stderr);
    process.exitCode = response.statusCode === 200 ? 0 : 1;
  });
  request.end(JSON.stringify({ url, env }));
}
