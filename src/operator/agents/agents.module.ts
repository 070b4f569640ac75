import { Module } from '@nestjs/common';
import { ClusterModule } from '../cluster/index.ts';
import { AgentTemplate } from './agent-template.ts';
import { ApiServersWriter } from './api-servers-writer.ts';
import { AgentsWriter } from './agents-writer.ts';
import { AgentsReconciler } from './agents-reconciler.ts';

/** The agents' DaemonSet. */
@Module({
  imports: [ClusterModule],
  providers: [AgentTemplate, AgentsWriter, ApiServersWriter, AgentsReconciler],
  exports: [AgentTemplate, AgentsReconciler],
})
export class AgentsModule {}
