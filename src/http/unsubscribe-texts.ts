/** What the unsubscribe page says, in each of its languages. Texts are HTML; names are escaped before they get here. */

/** Who sends what to whom; null: the contact or the template is not there any more. */
export interface Named {
  readonly sender: string
  readonly kind: string
  readonly address: string
}

/** The texts of one language. */
export interface Texts {
  readonly question: string
  readonly asks: (named: Named | null) => string
  readonly unsubscribe: string
  readonly done: string
  readonly stopped: (named: Named | null) => string
  readonly undo: string
  readonly back: string
  readonly resumed: (named: Named | null) => string
  readonly broken: string
  readonly cutOff: string
}

const en: Texts = {
  question: 'Unsubscribe?',
  asks: (named) =>
    named === null
      ? 'You will get no more e-mails of this kind.'
      : `<b>${named.sender}</b> will send no more e-mails of the kind <b>${named.kind}</b> to <b>${named.address}</b>.`,
  unsubscribe: 'Unsubscribe',
  done: 'You are unsubscribed',
  stopped: (named) =>
    named === null
      ? 'You will get no more e-mails of this kind.'
      : `<b>${named.sender}</b> sends no more e-mails of the kind <b>${named.kind}</b> to <b>${named.address}</b>.`,
  undo: 'Undo: subscribe again',
  back: 'You are subscribed again',
  resumed: (named) =>
    named === null
      ? 'You will get e-mails of this kind.'
      : `<b>${named.sender}</b> sends e-mails of the kind <b>${named.kind}</b> to <b>${named.address}</b>.`,
  broken: 'This link does not work',
  cutOff: 'It may have been cut off. Copy the whole link from the e-mail.',
}

const ko: Texts = {
  question: '수신을 거부하시겠습니까?',
  asks: (named) =>
    named === null
      ? '이 종류의 이메일을 더 이상 받지 않습니다.'
      : `<b>${named.sender}</b>에서 <b>${named.address}</b>(으)로 보내는 <b>${named.kind}</b> 이메일을 더 이상 받지 않습니다.`,
  unsubscribe: '수신 거부',
  done: '수신 거부되었습니다',
  stopped: (named) =>
    named === null
      ? '이 종류의 이메일을 더 이상 받지 않습니다.'
      : `<b>${named.sender}</b>에서 <b>${named.address}</b>(으)로 <b>${named.kind}</b> 이메일을 더 이상 보내지 않습니다.`,
  undo: '취소하고 다시 받기',
  back: '다시 수신합니다',
  resumed: (named) =>
    named === null
      ? '이 종류의 이메일을 받습니다.'
      : `<b>${named.sender}</b>에서 <b>${named.address}</b>(으)로 <b>${named.kind}</b> 이메일을 보냅니다.`,
  broken: '링크가 올바르지 않습니다',
  cutOff: '링크가 잘렸을 수 있습니다. 이메일에서 링크 전체를 복사해 주세요.',
}

const de: Texts = {
  question: 'Abbestellen?',
  asks: (named) =>
    named === null
      ? 'Sie erhalten keine E-Mails dieser Art mehr.'
      : `<b>${named.sender}</b> sendet dann keine E-Mails der Art <b>${named.kind}</b> mehr an <b>${named.address}</b>.`,
  unsubscribe: 'Abbestellen',
  done: 'Sie haben die E-Mails abbestellt',
  stopped: (named) =>
    named === null
      ? 'Sie erhalten keine E-Mails dieser Art mehr.'
      : `<b>${named.sender}</b> sendet keine E-Mails der Art <b>${named.kind}</b> mehr an <b>${named.address}</b>.`,
  undo: 'Rückgängig: wieder abonnieren',
  back: 'Sie haben die E-Mails wieder abonniert',
  resumed: (named) =>
    named === null
      ? 'Sie erhalten E-Mails dieser Art.'
      : `<b>${named.sender}</b> sendet E-Mails der Art <b>${named.kind}</b> an <b>${named.address}</b>.`,
  broken: 'Dieser Link funktioniert nicht',
  cutOff: 'Vielleicht ist er nicht vollständig. Kopieren Sie den ganzen Link aus der E-Mail.',
}

const fr: Texts = {
  question: 'Se désabonner ?',
  asks: (named) =>
    named === null
      ? 'Vous ne recevrez plus d’e-mails de ce type.'
      : `<b>${named.sender}</b> n’enverra plus d’e-mails du type <b>${named.kind}</b> à <b>${named.address}</b>.`,
  unsubscribe: 'Se désabonner',
  done: 'Vous êtes désabonné',
  stopped: (named) =>
    named === null
      ? 'Vous ne recevrez plus d’e-mails de ce type.'
      : `<b>${named.sender}</b> n’envoie plus d’e-mails du type <b>${named.kind}</b> à <b>${named.address}</b>.`,
  undo: 'Annuler : se réabonner',
  back: 'Vous êtes de nouveau abonné',
  resumed: (named) =>
    named === null
      ? 'Vous recevrez les e-mails de ce type.'
      : `<b>${named.sender}</b> envoie des e-mails du type <b>${named.kind}</b> à <b>${named.address}</b>.`,
  broken: 'Ce lien ne fonctionne pas',
  cutOff: 'Il est peut-être incomplet. Copiez le lien entier depuis l’e-mail.',
}

const es: Texts = {
  question: '¿Cancelar la suscripción?',
  asks: (named) =>
    named === null
      ? 'No recibirá más correos de este tipo.'
      : `<b>${named.sender}</b> no enviará más correos del tipo <b>${named.kind}</b> a <b>${named.address}</b>.`,
  unsubscribe: 'Cancelar la suscripción',
  done: 'Suscripción cancelada',
  stopped: (named) =>
    named === null
      ? 'No recibirá más correos de este tipo.'
      : `<b>${named.sender}</b> ya no envía correos del tipo <b>${named.kind}</b> a <b>${named.address}</b>.`,
  undo: 'Deshacer: volver a suscribirse',
  back: 'Se ha vuelto a suscribir',
  resumed: (named) =>
    named === null
      ? 'Recibirá los correos de este tipo.'
      : `<b>${named.sender}</b> envía correos del tipo <b>${named.kind}</b> a <b>${named.address}</b>.`,
  broken: 'Este enlace no funciona',
  cutOff: 'Puede que esté incompleto. Copie el enlace entero del correo.',
}

const ja: Texts = {
  question: '配信を停止しますか?',
  asks: (named) =>
    named === null
      ? 'この種類のメールは今後届きません。'
      : `<b>${named.sender}</b>から<b>${named.address}</b>宛ての「<b>${named.kind}</b>」のメールは今後届きません。`,
  unsubscribe: '配信を停止する',
  done: '配信を停止しました',
  stopped: (named) =>
    named === null
      ? 'この種類のメールは今後届きません。'
      : `<b>${named.sender}</b>から<b>${named.address}</b>宛ての「<b>${named.kind}</b>」のメールは今後届きません。`,
  undo: '元に戻す(配信を再開)',
  back: '配信を再開しました',
  resumed: (named) =>
    named === null
      ? 'この種類のメールが届きます。'
      : `<b>${named.sender}</b>から<b>${named.address}</b>宛てに「<b>${named.kind}</b>」のメールが届きます。`,
  broken: 'このリンクは無効です',
  cutOff: 'リンクが途中で切れている可能性があります。メールからリンク全体をコピーしてください。',
}

/** All languages. */
export const unsubscribeTexts = { en, ko, de, fr, es, ja } satisfies Record<string, Texts>

/** A language that the page is in. */
export type PageLanguage = keyof typeof unsubscribeTexts

/** The page's language for a language tag: English where it has none. */
export function pageLanguageOf(tag: string | null): PageLanguage {
  const language = tag?.split(/[-_]/)[0]?.toLowerCase() ?? ''
  return Object.hasOwn(unsubscribeTexts, language) ? (language as PageLanguage) : 'en'
}
