import { describe } from 'vitest';
import { MemoryEnvironmentLog, MemoryJournal, MemoryLeases, MemoryRequests } from '../support/memory';
import {
  journalConformance,
  leasesConformance,
  LIFETIME,
  logConformance,
  requestsConformance,
} from '../support/store-conformance';

describe('the memory that unit tests use', () => {
  journalConformance(async () => {
    const journal = new MemoryJournal();
    return { journal, spoil: async (...text) => journal.spoil(...text) };
  });
  leasesConformance(async (clock) => new MemoryLeases(clock, LIFETIME));
  logConformance(async (clock) => new MemoryEnvironmentLog(clock));
  requestsConformance(async () => new MemoryRequests());
});
