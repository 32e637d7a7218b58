// Servers that seem far away.
import { connect, createServer } from 'node:net';

/**
 * Makes a server on this machine, `host`, seem `milliseconds` away, there and back, by a proxy that holds back all it
 * forwards; opening a connection still takes no time. `host` of the answer leads there, `stop()` ends it.
 */
export async function farAway(host, milliseconds) {
  const port = Number(host.split(':')[1]);
  const proxy = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
    const far = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    forward(near, far, milliseconds / 2);
    forward(far, near, milliseconds / 2);
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const sockets = new Set();
  proxy.on('connection', (socket) => sockets.add(socket.on('close', () => sockets.delete(socket))));
  return {
    host: `127.0.0.1:${proxy.address().port}`,
    stop: () => {
      proxy.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Most bytes on their way at once in one direction of a connection: a window of TCP. */
const WINDOW = 4 * 2 ** 20;

function forward(from, to, milliseconds) {
  let underWay = 0;
  const later = (what) => setTimeout(() => what(), milliseconds);
  from.on('data', (chunk) => {
    underWay += chunk.length;
    if (underWay > WINDOW) from.pause();
    later(() => {
      underWay -= chunk.length;
      if (underWay <= WINDOW) from.resume();
      to.write(chunk);
    });
  });
  from.on('end', () => later(() => to.end()));
  from.on('error', () => to.destroy());
  from.on('close', () => later(() => to.destroy()));
}
