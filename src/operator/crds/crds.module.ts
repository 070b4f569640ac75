import { Module } from '@nestjs/common';
import { StatusModule } from '../status/index.ts';
import { Crds } from './crds.ts';

/** The project's own CRDs. The status room has the EventRecorder. */
@Module({ imports: [StatusModule], providers: [Crds], exports: [Crds] })
export class CrdsModule {}
