/** What the bytes of a stream before `offset` were: their sha256, base64. */
export interface Checkpoint {
  readonly offset: number;
  readonly hash: string;
}
