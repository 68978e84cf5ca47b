// node serve.mjs MACHINE.wasm [PORT]: serves RTSP on loopback with a machine in WebAssembly.
// JavaScript has the sockets, the clock and the randomness; the machine has the protocol.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';

const [path, port = '0'] = process.argv.slice(2);
const { instance } = await WebAssembly.instantiate(await readFile(path), {});
const { memory, open, close, room, input, tick, output, sent, timeout, closed } = instance.exports;
const now = () => performance.now();
const seed = () => crypto.getRandomValues(new BigUint64Array(4));

const server = createServer({ allowHalfOpen: true }, (socket) => {
  const machine = open(now(), ...seed());
  let timer, over = false;
  const end = () => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    close(machine);
    socket.end();
  };
  // The run loop: do what the machine says, then wait for bytes or for the time.
  const turn = (what) => {
    if (over) return;
    what();
    const length = output(machine, now());
    // A copy: the memory may move with the next call.
    if (length > 0) socket.write(new Uint8Array(memory.buffer, sent(machine), length).slice());
    if (closed(machine)) return end();
    clearTimeout(timer);
    const due = timeout(machine) - now();
    if (due !== Infinity) timer = setTimeout(() => turn(() => tick(machine, now())), Math.max(due, 1));
  };
  socket.on('data', (bytes) => turn(() => {
    const at = room(machine, bytes.length);
    new Uint8Array(memory.buffer, at, bytes.length).set(bytes);
    input(machine, now());
  }));
  socket.on('end', () => turn(() => { room(machine, 0); input(machine, now()); }));
  socket.on('error', end);
  socket.on('close', end);
});
server.listen(Number(port), '127.0.0.1', () => console.log(`listening on 127.0.0.1:${server.address().port}`));
