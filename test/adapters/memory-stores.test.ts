import { describe } from 'vitest';
import { MemoryJournal, MemoryLeases } from '../support/memory';
import { journalConformance, leasesConformance, LIFETIME } from '../support/store-conformance';

describe('the memory that unit tests use', () => {
  journalConformance(() => Promise.resolve(new MemoryJournal()));
  leasesConformance((clock) => Promise.resolve(new MemoryLeases(clock, LIFETIME)));
});
