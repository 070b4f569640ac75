/**
 * How much longer than on a real machine a client waits: an emulated one, where `npm run test:kernels` says so, counts time
 * as others do and gets less done.
 */
export const patience = Number(process.env['NFTPROXY_TEST_PATIENCE'] ?? 1);
