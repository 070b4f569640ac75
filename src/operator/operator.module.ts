import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { CoreModule } from './core.module.ts';
import type { OperatorDependencies } from './core.module.ts';
import { HttpModule } from './http/index.ts';
import { LeadershipModule } from './leadership/index.ts';
import { PageModule } from './page/index.ts';

/** The operator: the work while this process leads, HTTP and the page all the time. */
@Module({})
export class OperatorModule {
  static register(dependencies: OperatorDependencies): DynamicModule {
    const rooms = [LeadershipModule, HttpModule, PageModule];
    return { module: OperatorModule, imports: [CoreModule.register(dependencies), ...rooms] };
  }
}
