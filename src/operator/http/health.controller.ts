import { Controller, Get, Header, Inject, Res } from '@nestjs/common';
import { Readiness } from './readiness.ts';

/** The part of Express' response that is used. */
interface Response {
  status(code: number): unknown;
}

@Controller()
export class HealthController {
  readonly #readiness: Readiness;

  constructor(@Inject(Readiness) readiness: Readiness) {
    this.#readiness = readiness;
  }

  /** The process answers. */
  @Get('healthz')
  @Header('Content-Type', 'text/plain')
  healthz(): string {
    return 'ok';
  }

  /** 200 or 503, and each check on a line, as the API server's own /readyz has them. */
  @Get('readyz')
  @Header('Content-Type', 'text/plain')
  async readyz(@Res({ passthrough: true }) response: Response): Promise<string> {
    const checks = await this.#readiness.check();
    const ready = checks.every(({ ok }) => ok);
    response.status(ready ? 200 : 503);
    const lines = checks.map(({ name, ok, detail }) => `[${ok ? '+' : '-'}]${name}: ${detail}`);
    return `${[...lines, `readyz check ${ready ? 'passed' : 'failed'}`].join('\n')}\n`;
  }
}
