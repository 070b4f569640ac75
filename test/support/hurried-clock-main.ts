/*
 * Loaded into a process before its program (`node --import`): time runs NFTPROXY_TEST_HURRY times as fast there, so that
 * a test need not wait for a minute to see what happens after one.
 */
const factor = Number(process.env['NFTPROXY_TEST_HURRY']);
const { setTimeout: sleep, setInterval: repeat } = globalThis;
const start = performance.now();
const now = performance.now.bind(performance);

performance.now = () => start + (now() - start) * factor;
globalThis.setTimeout = Object.assign(
  (run: () => void, milliseconds = 0, ...rest: []) => sleep(run, milliseconds / factor, ...rest),
  sleep,
);
globalThis.setInterval = Object.assign(
  (run: () => void, milliseconds = 0, ...rest: []) => repeat(run, milliseconds / factor, ...rest),
  repeat,
);
