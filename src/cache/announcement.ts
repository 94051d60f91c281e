/** A committed change of one record. */
export interface AnnouncedRecord {
  readonly key: string;
  /** The new version; of a deletion, the last version the record had. */
  readonly version: number;
  /** The new content; `null`: deleted; `undefined`: changed, but the content is unknown. */
  readonly value: unknown;
}

/** A committed change, as passed to `Cache.announce` in commit order. */
export interface Announcement {
  readonly records: readonly AnnouncedRecord[];
  /** Entries and loads that carry one of these tags are asked whether `change` affects them (`Dependent.isAffectedBy`). */
  readonly tags: readonly string[];
  /** Passed to `isAffectedBy` as it is. */
  readonly change: unknown;
}
