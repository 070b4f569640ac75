import { Controller, Get, Header, Inject, Res } from '@nestjs/common';
import { OperatorMetrics } from './metrics.ts';
import { OperatorReadiness } from './readiness.ts';

/** The part of Express' response that is used. */
interface Response {
  status(code: number): Response;
  type(type: string): Response;
  send(body: string): unknown;
}

@Controller()
export class HealthController {
  readonly #readiness: OperatorReadiness;

  constructor(@Inject(OperatorReadiness) readiness: OperatorReadiness) {
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
  async readyz(@Res() response: Response): Promise<void> {
    const checks = await this.#readiness.check();
    const ready = checks.every(({ ok }) => ok);
    const lines = checks.map(({ name, ok, detail }) => `[${ok ? '+' : '-'}]${name}: ${detail}`);
    const verdict = `readyz check ${ready ? 'passed' : 'failed'}`;
    response
      .status(ready ? 200 : 503)
      .type('text/plain')
      .send(`${[...lines, verdict].join('\n')}\n`);
  }
}

@Controller()
export class MetricsController {
  readonly #metrics: OperatorMetrics;

  constructor(@Inject(OperatorMetrics) metrics: OperatorMetrics) {
    this.#metrics = metrics;
  }

  @Get('metrics')
  async metrics(@Res() response: Response): Promise<void> {
    const { registry } = this.#metrics;
    response
      .status(200)
      .type(registry.contentType)
      .send(await registry.metrics());
  }
}
