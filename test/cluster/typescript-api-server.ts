import type { ApiServerControl } from './control-plane.ts';

export function startTypescriptApiServer(folder: string): Promise<ApiServerControl> {
  throw new Error(`not yet: ${folder}`);
}
