// The article's case in our own words. It is in no training text and not in data/test.jsonl.
import type { MedicalRow } from "./template.js";

export const demoCase: MedicalRow = {
  Question:
    "Emily, a 42-year-old woman, has a painless lump in her neck that has been growing for two months. Over six months she has lost about 12% of her body weight and has had recurrent fever above 103 F that comes and goes. She also reports heavy night sweats that soak the sheets. What is the most likely diagnosis?",
  Complex_CoT:
    "First, the clues are a painless enlarging neck lump, weight loss, fevers that come and go and drenching night sweats. Next, a painless enlarging neck lump and drenching night sweats suggest a cancer of the lymphatic system. Tuberculosis can also cause weight loss, but it does not explain a painless enlarging neck lump. So Hodgkin lymphoma fits best.",
  Response: "The most likely diagnosis is Hodgkin lymphoma. It should be confirmed by an excision biopsy of the node.",
};
