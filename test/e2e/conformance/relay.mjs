// The command that the suite starts as its client: a gateway with the suite's server, named by the last argument, as
// its only upstream, and the fixture client in front of it.
import { Weir } from '../weir.mjs';
import { run } from './client.mjs';

const weir = await Weir.start({ servers: { suite: { url: process.argv.at(-1) } } });
// Before the suite ends this process, which would leave the gateway behind.
const late = new Promise((_, fail) => setTimeout(() => fail(new Error('the client waited 20 s')), 20000));
let code = 0;
try {
  await Promise.race([run(weir.url), late]);
} catch (error) {
  console.error(error);
  code = 1;
} finally {
  await weir.stop();
}
process.exit(code);
