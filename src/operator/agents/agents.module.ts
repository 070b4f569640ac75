import { Module } from '@nestjs/common';
import { ClusterModule } from '../cluster/index.ts';
import { AgentsReconciler } from './agents-reconciler.ts';

/** The agents' DaemonSet. */
@Module({ imports: [ClusterModule], providers: [AgentsReconciler], exports: [AgentsReconciler] })
export class AgentsModule {}
