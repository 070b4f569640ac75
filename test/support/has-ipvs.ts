import { IpvsSocket } from '../../src/ipvs/index.ts';

/** Why tests of IPVS do not run here, for their titles; undefined where they do. */
export async function whyNoIpvs(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'needs root';
  const socket = IpvsSocket.open();
  try {
    await socket.probe();
    return undefined;
  } catch (error) {
    return `this kernel has no IPVS: npm run test:kernels has; ${String(error)}`;
  } finally {
    socket.close();
  }
}
