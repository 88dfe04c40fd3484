/** @file Numbers for people, as reports write them too. */
export * from '../report/format.ts';
