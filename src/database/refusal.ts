/**
 * Why the database, as it is reached, cannot be vouched for: in a sentence that tells its operator what to change. Anyone may
 * read it, so it holds no secret and no address.
 */
export class DatabaseRefusal extends Error {
  override readonly name = 'DatabaseRefusal';
}
