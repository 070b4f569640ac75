import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, ManagedProcess } from '../support/index.ts';

/** How a page is looked at. */
export interface View {
  readonly width: number;
  readonly height: number;
  readonly scheme?: 'light' | 'dark';
  /** Hundredths: small pictures of large pages. */
  readonly scale?: number;
}

interface Message {
  readonly id?: number;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
  readonly method?: string;
  readonly params?: Record<string, unknown>;
}

/** A headless Chromium with one tab, spoken to in the DevTools protocol. */
export class Browser {
  /** What the tab complained of: errors of scripts, and all that the content security policy has kept out. */
  readonly complaints: string[] = [];
  /** Addresses that the tab has asked for. */
  readonly requested: string[] = [];
  readonly #process: ManagedProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (message: Message) => void>();
  #loaded: (() => void) | undefined;
  #last = 0;

  private constructor(process: ManagedProcess, profile: string, socket: WebSocket) {
    this.#process = process;
    this.#profile = profile;
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#receive(JSON.parse(String(data)) as Message));
  }

  /** @throws Error if Chromium (Debian package `chromium`) does not start */
  static async start(): Promise<Browser> {
    const profile = await mkdtemp(join(tmpdir(), 'nftproxy-browser-'));
    // Root's processes have no sandbox of their own; what is looked at here is ours.
    const flags = [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--hide-scrollbars',
      '--disable-lcd-text',
    ];
    const process = ManagedProcess.start({
      command: ['chromium', ...flags, '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank'],
    });
    const port = await eventually('Chromium says where it listens', async () => {
      const text = await readFile(join(profile, 'DevToolsActivePort'), 'utf8').catch(() => '');
      return text.split('\n')[0] === '' ? undefined : text.split('\n')[0];
    });
    const tabs = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as {
      type: string;
      webSocketDebuggerUrl: string;
    }[];
    const url = tabs.find(({ type }) => type === 'page')?.webSocketDebuggerUrl;
    if (url === undefined) throw new Error('Chromium has no tab');
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', () => reject(new Error(`Chromium does not answer at ${url}`)));
    });
    const browser = new Browser(process, profile, socket);
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await browser.#send(`${domain}.enable`);
    return browser;
  }

  /** Opens a page; resolves when it is there, style and scripts included. */
  async open(url: string, { width, height, scheme = 'light', scale = 1 }: View): Promise<void> {
    const mobile = width < 600;
    await this.#send('Emulation.setDeviceMetricsOverride', { width, height, mobile, deviceScaleFactor: scale });
    await this.#send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
    const loaded = new Promise<void>((resolve) => (this.#loaded = resolve));
    await this.#send('Page.navigate', { url });
    await loaded;
  }

  /** The value of an expression in the page; a promise is waited for. @throws Error with what it threw */
  async evaluate(expression: string): Promise<unknown> {
    const answer = await this.#send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    const { result, exceptionDetails } = answer as { result: { value?: unknown }; exceptionDetails?: { text: string } };
    if (exceptionDetails !== undefined) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return result.value;
  }

  /** A picture of the page as PNG, down to its end but not longer than `longest` pixels. */
  async picture(longest: number): Promise<Buffer> {
    const [width, whole] = (await this.evaluate(
      '[document.documentElement.clientWidth, document.documentElement.scrollHeight]',
    )) as [number, number];
    const clip = { x: 0, y: 0, width, height: Math.min(whole, longest), scale: 1 };
    const { data } = await this.#send('Page.captureScreenshot', { clip, captureBeyondViewport: true });
    return Buffer.from(String(data), 'base64');
  }

  async stop(): Promise<void> {
    this.#socket.close();
    await this.#process.stop(5000);
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  async #send(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = ++this.#last;
    const { promise, resolve } = Promise.withResolvers<Message>();
    this.#waiting.set(id, resolve);
    this.#socket.send(JSON.stringify({ id, method, params }));
    const { result, error } = await promise;
    if (result === undefined) throw new Error(`${method}: ${error?.message ?? 'no answer'}`);
    return result;
  }

  #receive({ id, method, params = {}, ...rest }: Message): void {
    if (id !== undefined) this.#waiting.get(id)?.(rest);
    else if (method === 'Page.loadEventFired') this.#loaded?.();
    else if (method === 'Network.requestWillBeSent') this.requested.push((params['request'] as { url: string }).url);
    else if (method === 'Runtime.exceptionThrown' || method === 'Log.entryAdded')
      this.complaints.push(JSON.stringify(params));
  }
}
