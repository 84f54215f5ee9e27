/** Whether a text has nothing to read: no character but white space, controls, marks and what is invisible by definition. */
export const isBlank = (text: string): boolean =>
  !/[^\p{White_Space}\p{Cc}\p{Cf}\p{Mn}\p{Cs}\p{Default_Ignorable_Code_Point}]/u.test(text)
