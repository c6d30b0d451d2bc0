// Who the invented patients are, and where they are seen.

export const names = {
  female: ["Maria", "Anna", "Grace", "Leila", "Sofia", "Ruth", "Hanna", "Nadia", "Clara", "Joan", "Irene", "Mei"],
  male: ["Paul", "Omar", "David", "Luis", "Henry", "Ivan", "Karl", "Samuel", "Peter", "Ravi", "Tom", "Jonas"],
} as const;

export const jobs = [
  "teacher",
  "farmer",
  "nurse",
  "driver",
  "cook",
  "clerk",
  "carpenter",
  "librarian",
  "musician",
  "shopkeeper",
  "engineer",
  "gardener",
] as const;

export const places = [
  "the clinic",
  "the emergency department",
  "the medical ward",
  "the outpatient department",
  "a rural hospital",
  "the family practice",
] as const;
