/** A quota for running On-Demand Instances, by vCPUs. */
export interface VcpuQuota {
  code: string;
  name: string;
}

/**
 * Families by the letters that their types begin with, and the quota that they share (AWS General Reference,
 * "Amazon EC2 endpoints and quotas"). `i` holds im4gn and is4gen as well.
 */
const QUOTAS: [RegExp, VcpuQuota][] = [
  [/^(a|c|d|h|i|im|is|m|r|t|z)$/, { code: 'L-1216C47A', name: 'Running On-Demand Standard instances' }],
  [/^f$/, { code: 'L-74FC7D96', name: 'Running On-Demand F instances' }],
  [/^(g|gr|vt)$/, { code: 'L-DB2E81BA', name: 'Running On-Demand G and VT instances' }],
  [/^p$/, { code: 'L-417A185B', name: 'Running On-Demand P instances' }],
  [/^x$/, { code: 'L-7295265B', name: 'Running On-Demand X instances' }],
  [/^inf$/, { code: 'L-1945791B', name: 'Running On-Demand Inf instances' }],
  [/^trn$/, { code: 'L-2C3B7624', name: 'Running On-Demand Trn instances' }],
  [/^dl$/, { code: 'L-6E869C2A', name: 'Running On-Demand DL instances' }],
  [/^u$/, { code: 'L-43DA4232', name: 'Running On-Demand High Memory instances' }],
  [/^hpc$/, { code: 'L-F7808C92', name: 'Running On-Demand HPC instances' }],
];

/** The quota that instances of a type count towards; undefined for one that this table does not know. */
export function vcpuQuotaOf(instanceType: string): VcpuQuota | undefined {
  const family = /^[a-z]+/.exec(instanceType)?.[0] ?? '';
  return QUOTAS.find(([families]) => families.test(family))?.[1];
}
