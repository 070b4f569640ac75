// Usage: node client.ts '{"protocol":"tcp","address":"10.96.0.1","port":80,"count":100}'
// Makes the connections and prints one JSON array of answers or errors, in the order of the requests.
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { Answer, Requests } from '../traffic.ts';

const requests = JSON.parse(process.argv[2] ?? '{}') as Requests;
const timeoutMilliseconds = requests.timeoutMilliseconds ?? 2000;

function parse(text: string): Answer {
  return JSON.parse(text) as Answer;
}

function failure(error: NodeJS.ErrnoException): Answer {
  return { error: error.code ?? error.message };
}

function overTcp(): Promise<Answer> {
  return new Promise((resolve) => {
    const { address, port, source, sourcePort } = requests;
    const socket = connect({
      host: address,
      port,
      ...(source === undefined ? {} : { localAddress: source }),
      ...(sourcePort === undefined ? {} : { localPort: sourcePort }),
    });
    const timer = setTimeout(() => {
      finish({ error: 'ETIMEDOUT' });
    }, timeoutMilliseconds);
    let text = '';
    function finish(answer: Answer): void {
      clearTimeout(timer);
      if (answer.error === undefined) socket.end();
      else socket.destroy();
      resolve(answer);
    }
    socket.on('data', (chunk) => {
      text += chunk.toString();
      if (text.endsWith('\n')) finish(parse(text));
    });
    socket.on('error', (error) => {
      finish(failure(error));
    });
    socket.on('close', () => {
      finish({ error: 'ECONNRESET' });
    });
  });
}

function overUdp(): Promise<Answer> {
  return new Promise((resolve) => {
    const { address, port, source, sourcePort } = requests;
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    const timer = setTimeout(() => {
      finish({ error: 'ETIMEDOUT' });
    }, timeoutMilliseconds);
    let open = true;
    function finish(answer: Answer): void {
      clearTimeout(timer);
      if (open) socket.close();
      open = false;
      resolve(answer);
    }
    socket.on('message', (message) => {
      finish(parse(message.toString()));
    });
    socket.on('error', (error) => {
      finish(failure(error));
    });
    // A connected socket hears of ICMP errors (ECONNREFUSED).
    socket.bind({ address: source ?? (address.includes(':') ? '::' : '0.0.0.0'), port: sourcePort ?? 0 }, () => {
      socket.connect(port, address, (error?: Error | null) => {
        if (error) finish(failure(error));
        else socket.send('?\n');
      });
    });
  });
}

async function sendAll(): Promise<Answer[]> {
  const count = requests.count ?? 1;
  const answers = new Array<Answer>(count);
  let next = 0;
  async function worker(): Promise<void> {
    while (next < count) {
      const index = next++;
      answers[index] = await (requests.protocol === 'tcp' ? overTcp() : overUdp());
    }
  }
  await Promise.all(Array.from({ length: Math.min(count, requests.concurrency ?? 16) }, worker));
  return answers;
}

process.stdout.write(`${JSON.stringify(await sendAll())}\n`);
