import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { Answer, Requests } from './protocol.ts';

/** Makes the connections or sends the datagrams, and resolves with an answer or an error for each, in their order. */
export async function request(requests: Requests): Promise<Answer[]> {
  const { count = 1, concurrency = 16 } = requests;
  const one = requests.protocol === 'tcp' ? overTcp : overUdp;
  const answers = new Array<Answer>(count);
  let next = 0;
  async function worker(): Promise<void> {
    while (next < count) {
      const index = next++;
      answers[index] = await one(requests);
    }
  }
  await Promise.all(Array.from({ length: Math.min(count, concurrency) }, worker));
  return answers;
}

function overTcp({ address, port, source, sourcePort, timeoutMilliseconds = 2000 }: Requests): Promise<Answer> {
  return new Promise((resolve) => {
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

function overUdp({ address, port, source, sourcePort, timeoutMilliseconds = 2000 }: Requests): Promise<Answer> {
  return new Promise((resolve) => {
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

function parse(text: string): Answer {
  return JSON.parse(text) as Answer;
}

function failure(error: NodeJS.ErrnoException): Answer {
  return { error: error.code ?? error.message };
}
