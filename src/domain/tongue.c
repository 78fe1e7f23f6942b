/* tongue.c: see tongue.h. */
#include "domain/tongue.h"

#include <string.h>
#include <strings.h>

#include "domain/words.h"

/* English stands first: it is what is spoken where a language is not among these. */
static const struct tongue tongues[] = {
	{
	    .code = "en",
	    .name = "English",
	    .tags = { "en-US", "en-GB", "en-AU", "en-IN" },
	    .disclosure = "Hello. This is an automated assistant calling on behalf of a client.",
	    .moment = "One moment, please.",
	    .find_out = "I do not know that. I will find out, please hold the line.",
	    .patience = "Thank you for your patience. One more moment, please.",
	    .broken = "I am sorry, I have a technical problem. Goodbye.",
	    .time_over = "I am sorry, my time for this call is over. Thank you. Goodbye.",
	    .possible = "Would that be possible?",
	    .pardon = "Sorry, I did not hear you. Could you say that again?",
	    .thanks = "Wonderful. Thank you very much. Goodbye.",
	    .sorry = "I understand. Thank you for your time. Goodbye.",
	    .no_verdict = "Thank you for your time. Goodbye.",
	    .told = "Thank you for waiting. %s",
	    .go_on = "Thank you for waiting. I have found out, please go on.",
	    .declined = "Thank you for waiting. That will not be possible. Goodbye.",
	    .unreached = "I am sorry, I could not reach my client. I will call you back. Goodbye.",
	    .ask = "ask your client|check with your client",
	    .machine = "voicemail|leave a message|leave your message|after the tone|after the beep",
	    .no = "no|not|cannot|can't|sorry|unfortunately|closed|fully booked|full",
	    .yes = "yes|booked|confirmed|sure|fine|certainly|of course|okay|ok|done|reserved|"
		   "cancelled|canceled",
	    .later = "please confirm|must confirm|has to confirm|have to confirm|needs to confirm|"
		     "call to confirm|call back to confirm",
	},
	{
	    .code = "ru",
	    .name = "Russian",
	    .tags = { "ru-RU" },
	    .disclosure =
		"Здравствуйте. Это автоматический помощник, я звоню по поручению клиента.",
	    .moment = "Одну минуту, пожалуйста.",
	    .find_out = "Этого я не знаю. Я уточню, оставайтесь, пожалуйста, на линии.",
	    .patience = "Спасибо за терпение. Ещё одну минуту, пожалуйста.",
	    .broken = "Извините, у меня технические неполадки. До свидания.",
	    .time_over = "Извините, моё время для этого звонка закончилось. Спасибо. До свидания.",
	    .possible = "Это возможно?",
	    .pardon = "Простите, я не расслышал. Повторите, пожалуйста.",
	    .thanks = "Прекрасно. Большое спасибо. До свидания.",
	    .sorry = "Понимаю. Спасибо за ваше время. До свидания.",
	    .no_verdict = "Спасибо за ваше время. До свидания.",
	    .told = "Спасибо за ожидание. %s",
	    .go_on = "Спасибо за ожидание. Я всё уточнил, продолжайте, пожалуйста.",
	    .declined = "Спасибо за ожидание. К сожалению, это не подойдёт. До свидания.",
	    .unreached = "Извините, мне не удалось связаться с клиентом. Я перезвоню. До свидания.",
	    .ask = "спросите клиента|уточните у клиента",
	    .machine = "автоответчик|оставьте сообщение|после сигнала",
	    .no = "нет|не|нельзя|закрыто|мест нет",
	    .yes = "да|хорошо|конечно|забронировано|записал|записала|отменил|отменила|отменено",
	    .later = "подтвердите|нужно подтвердить|надо подтвердить",
	},
	{
	    .code = "es",
	    .name = "Spanish",
	    .tags = { "es-ES", "es-MX", "es-US" },
	    .disclosure = "Hola. Soy un asistente automático y llamo de parte de un cliente.",
	    .moment = "Un momento, por favor.",
	    .find_out = "Eso no lo sé. Voy a averiguarlo, no cuelgue, por favor.",
	    .patience = "Gracias por su paciencia. Un momento más, por favor.",
	    .broken = "Lo siento, tengo un problema técnico. Adiós.",
	    .time_over = "Lo siento, se me acaba el tiempo para esta llamada. Gracias. Adiós.",
	    .possible = "¿Sería posible?",
	    .pardon = "Perdone, no le he oído. ¿Podría repetirlo?",
	    .thanks = "Perfecto. Muchas gracias. Adiós.",
	    .sorry = "Entiendo. Gracias por su tiempo. Adiós.",
	    .no_verdict = "Gracias por su tiempo. Adiós.",
	    .told = "Gracias por esperar. %s",
	    .go_on = "Gracias por esperar. Ya lo he averiguado, continúe, por favor.",
	    .declined = "Gracias por esperar. Lamentablemente no va a ser posible. Adiós.",
	    .unreached = "Lo siento, no he podido hablar con mi cliente. Volveré a llamar. Adiós.",
	    .ask = "pregunte a su cliente|pregúntele a su cliente|consulte con su cliente|"
		   "consúltelo con su cliente",
	    .machine =
		"buzón de voz|contestador|deje un mensaje|deje su mensaje|después de la señal|"
		"después del tono",
	    .no = "no|nunca|imposible|lo siento|lamentablemente|cerrado|completo|lleno",
	    .yes = "sí|claro|vale|de acuerdo|por supuesto|reservado|reservada|confirmado|"
		   "confirmada|cancelado|cancelada|hecho|perfecto",
	    .later = "debe confirmar|tiene que confirmar|hay que confirmar|llame para confirmar|"
		     "confirme",
	},
	{
	    .code = "de",
	    .name = "German",
	    .tags = { "de-DE" },
	    .disclosure =
		"Guten Tag. Hier spricht ein automatischer Assistent im Auftrag eines Kunden.",
	    .moment = "Einen Moment, bitte.",
	    .find_out = "Das weiß ich nicht. Ich frage nach, bleiben Sie bitte am Apparat.",
	    .patience = "Danke für Ihre Geduld. Noch einen Moment, bitte.",
	    .broken = "Entschuldigung, ich habe ein technisches Problem. Auf Wiederhören.",
	    .time_over = "Es tut mir leid, meine Zeit für diesen Anruf ist um. Vielen Dank. Auf "
			 "Wiederhören.",
	    .possible = "Wäre das möglich?",
	    .pardon = "Entschuldigung, ich habe Sie nicht verstanden. Könnten Sie das bitte "
		      "wiederholen?",
	    .thanks = "Wunderbar. Vielen Dank. Auf Wiederhören.",
	    .sorry = "Ich verstehe. Danke für Ihre Zeit. Auf Wiederhören.",
	    .no_verdict = "Danke für Ihre Zeit. Auf Wiederhören.",
	    .told = "Danke fürs Warten. %s",
	    .go_on = "Danke fürs Warten. Es ist geklärt, bitte fahren Sie fort.",
	    .declined = "Danke fürs Warten. Das geht leider nicht. Auf Wiederhören.",
	    .unreached =
		"Es tut mir leid, ich konnte meinen Kunden nicht erreichen. Ich rufe wieder "
		"an. Auf Wiederhören.",
	    .ask = "fragen sie ihren kunden|fragen sie bitte ihren kunden|fragen sie bei ihrem "
		   "kunden",
	    .machine = "anrufbeantworter|mailbox von|sprachbox|hinterlassen sie|nach dem signalton|"
		       "nach dem ton|nach dem piepton",
	    .no = "nein|nicht|kein|keine|keinen|leider|geschlossen|ausgebucht|voll",
	    .yes = "ja|gerne|gern|natürlich|klar|einverstanden|okay|ok|gebucht|reserviert|"
		   "bestätigt|storniert|in ordnung",
	    .later = "noch bestätigen|müssen sie bestätigen|bitte bestätigen|bestätigt werden",
	},
	{
	    .code = "fr",
	    .name = "French",
	    .tags = { "fr-FR", "fr-CA" },
	    .disclosure =
		"Bonjour. Je suis un assistant automatique et j'appelle de la part d'un client.",
	    .moment = "Un instant, s'il vous plaît.",
	    .find_out = "Je ne sais pas. Je me renseigne, restez en ligne, s'il vous plaît.",
	    .patience = "Merci de votre patience. Encore un instant, s'il vous plaît.",
	    .broken = "Je suis désolé, j'ai un problème technique. Au revoir.",
	    .time_over =
		"Je suis désolé, le temps prévu pour cet appel est écoulé. Merci. Au revoir.",
	    .possible = "Est-ce que ce serait possible ?",
	    .pardon = "Pardon, je ne vous ai pas entendu. Pourriez-vous répéter ?",
	    .thanks = "Parfait. Merci beaucoup. Au revoir.",
	    .sorry = "Je comprends. Merci de m'avoir répondu. Au revoir.",
	    .no_verdict = "Merci de m'avoir répondu. Au revoir.",
	    .told = "Merci d'avoir patienté. %s",
	    .go_on = "Merci d'avoir patienté. J'ai la réponse, continuez, s'il vous plaît.",
	    .declined =
		"Merci d'avoir patienté. Ce ne sera malheureusement pas possible. Au revoir.",
	    .unreached =
		"Je suis désolé, je n'ai pas pu joindre mon client. Je vous rappellerai. Au "
		"revoir.",
	    .ask = "demandez à votre client|demander à votre client|voyez avec votre client",
	    .machine = "messagerie|répondeur|laissez un message|laissez votre message|après le bip|"
		       "après le signal sonore",
	    .no = "non|pas|impossible|désolé|désolée|malheureusement|fermé|complet",
	    .yes = "oui|d'accord|bien sûr|certainement|volontiers|c'est noté|réservé|réservée|"
		   "confirmé|confirmée|annulé|annulée|parfait|ok|entendu",
	    .later = "à confirmer|doit confirmer|devez confirmer|pour confirmer|confirmez",
	},
	{
	    .code = "pt",
	    .name = "Portuguese",
	    .tags = { "pt-BR", "pt-PT" },
	    .disclosure = "Olá. Sou um assistente automático e ligo em nome de um cliente.",
	    .moment = "Um momento, por favor.",
	    .find_out = "Isso eu não sei. Vou verificar, aguarde na linha, por favor.",
	    .patience = "Obrigado pela paciência. Só mais um momento, por favor.",
	    .broken = "Desculpe, tenho um problema técnico. Adeus.",
	    .time_over = "Desculpe, o meu tempo para esta chamada acabou. Obrigado. Adeus.",
	    .possible = "Seria possível?",
	    .pardon = "Desculpe, não ouvi. Poderia repetir, por favor?",
	    .thanks = "Ótimo. Muito obrigado. Adeus.",
	    .sorry = "Compreendo. Obrigado pelo seu tempo. Adeus.",
	    .no_verdict = "Obrigado pelo seu tempo. Adeus.",
	    .told = "Obrigado por esperar. %s",
	    .go_on = "Obrigado por esperar. Já verifiquei, pode continuar, por favor.",
	    .declined = "Obrigado por esperar. Infelizmente não será possível. Adeus.",
	    .unreached =
		"Desculpe, não consegui falar com o meu cliente. Vou ligar de novo. Adeus.",
	    .ask = "pergunte ao seu cliente|consulte o seu cliente|verifique com o seu cliente",
	    .machine =
		"caixa postal|caixa de mensagens|secretária eletrônica|deixe um recado|deixe "
		"uma mensagem|deixe a sua mensagem|deixe sua mensagem|deixe seu recado|após o "
		"sinal|depois do sinal",
	    .no = "não|nunca|impossível|infelizmente|fechado|lotado|esgotado",
	    .yes = "sim|claro|certo|com certeza|pode ser|reservado|reservada|confirmado|"
		   "confirmada|marcado|marcada|cancelado|cancelada|ok|tudo bem",
	    .later = "precisa confirmar|tem que confirmar|tem de confirmar|é preciso confirmar|"
		     "ligue para confirmar|confirme",
	},
	{
	    .code = "it",
	    .name = "Italian",
	    .tags = { "it-IT" },
	    .disclosure =
		"Buongiorno. Sono un assistente automatico e chiamo per conto di un cliente.",
	    .moment = "Un momento, per favore.",
	    .find_out = "Questo non lo so. Mi informo, resti in linea, per favore.",
	    .patience = "Grazie per la pazienza. Ancora un momento, per favore.",
	    .broken = "Mi scusi, ho un problema tecnico. Arrivederci.",
	    .time_over =
		"Mi scusi, il mio tempo per questa chiamata è finito. Grazie. Arrivederci.",
	    .possible = "Sarebbe possibile?",
	    .pardon = "Mi scusi, non ho sentito. Potrebbe ripetere?",
	    .thanks = "Benissimo. Grazie mille. Arrivederci.",
	    .sorry = "Capisco. Grazie per il suo tempo. Arrivederci.",
	    .no_verdict = "Grazie per il suo tempo. Arrivederci.",
	    .told = "Grazie per l'attesa. %s",
	    .go_on = "Grazie per l'attesa. Ho avuto la risposta, continui, per favore.",
	    .declined = "Grazie per l'attesa. Purtroppo non sarà possibile. Arrivederci.",
	    .unreached = "Mi scusi, non sono riuscito a parlare con il mio cliente. Richiamerò. "
			 "Arrivederci.",
	    .ask = "chieda al suo cliente|senta il suo cliente",
	    .machine =
		"segreteria telefonica|casella vocale|lasci un messaggio|lasciate un messaggio|"
		"dopo il segnale|dopo il bip",
	    .no = "no|non|impossibile|purtroppo|chiuso|chiusi|al completo",
	    .yes = "sì|certo|certamente|va bene|d'accordo|prenotato|prenotata|confermato|"
		   "confermata|annullato|annullata|volentieri|perfetto|ok",
	    .later = "deve confermare|bisogna confermare|da confermare|confermi",
	},
	{
	    .code = "uk",
	    .name = "Ukrainian",
	    .tags = { "uk-UA" },
	    .disclosure =
		"Добрий день. Це автоматичний помічник, я телефоную за дорученням клієнта.",
	    .moment = "Хвилинку, будь ласка.",
	    .find_out = "Цього я не знаю. Я уточню, залишайтеся, будь ласка, на лінії.",
	    .patience = "Дякую за терпіння. Ще хвилинку, будь ласка.",
	    .broken = "Вибачте, у мене технічна несправність. До побачення.",
	    .time_over = "Вибачте, мій час для цього дзвінка закінчився. Дякую. До побачення.",
	    .possible = "Це можливо?",
	    .pardon = "Перепрошую, вас не було чути. Повторіть, будь ласка.",
	    .thanks = "Чудово. Дуже дякую. До побачення.",
	    .sorry = "Розумію. Дякую за ваш час. До побачення.",
	    .no_verdict = "Дякую за ваш час. До побачення.",
	    .told = "Дякую за очікування. %s",
	    .go_on = "Дякую за очікування. Усе з'ясовано, продовжуйте, будь ласка.",
	    .declined = "Дякую за очікування. На жаль, це не підійде. До побачення.",
	    .unreached = "Вибачте, мені не вдалося зв'язатися з клієнтом. Я зателефоную ще раз. До "
			 "побачення.",
	    .ask = "запитайте клієнта|запитайте у клієнта|спитайте клієнта|уточніть у клієнта",
	    .machine = "автовідповідач|голосова пошта|залиште повідомлення|після сигналу",
	    .no = "ні|не|немає|нема|неможливо|на жаль|зачинено",
	    .yes = "так|добре|звичайно|авжеж|гаразд|заброньовано|записано|скасовано|підтверджено",
	    .later = "підтвердіть|треба підтвердити|потрібно підтвердити",
	},
	{
	    .code = "pl",
	    .name = "Polish",
	    .tags = { "pl-PL" },
	    .disclosure = "Dzień dobry. Mówi automatyczny asystent, dzwonię w imieniu klienta.",
	    .moment = "Chwileczkę, proszę.",
	    .find_out = "Tego nie wiem. Dowiem się, proszę się nie rozłączać.",
	    .patience = "Dziękuję za cierpliwość. Jeszcze chwilę, proszę.",
	    .broken = "Przepraszam, mam problem techniczny. Do widzenia.",
	    .time_over = "Przepraszam, mój czas na tę rozmowę się skończył. Dziękuję. Do widzenia.",
	    .possible = "Czy to możliwe?",
	    .pardon = "Przepraszam, nie było słychać. Proszę powtórzyć.",
	    .thanks = "Wspaniale. Bardzo dziękuję. Do widzenia.",
	    .sorry = "Rozumiem. Dziękuję za poświęcony czas. Do widzenia.",
	    .no_verdict = "Dziękuję za poświęcony czas. Do widzenia.",
	    .told = "Dziękuję za cierpliwość. %s",
	    .go_on = "Dziękuję za cierpliwość. Już wiem, proszę mówić dalej.",
	    .declined = "Dziękuję za cierpliwość. Niestety to nie będzie możliwe. Do widzenia.",
	    .unreached =
		"Przepraszam, nie udało mi się skontaktować z klientem. Zadzwonię ponownie. Do "
		"widzenia.",
	    .ask = "zapytać klienta|zapytać swojego klienta|spytać klienta|zapytaj klienta",
	    .machine = "poczta głosowa|poczty głosowej|automatyczna sekretarka|zostaw wiadomość|"
		       "zostawić wiadomość|po sygnale",
	    .no = "nie|niemożliwe|niestety|zamknięte|brak",
	    .yes = "tak|dobrze|oczywiście|jasne|zgoda|zarezerwowane|potwierdzone|odwołane|w "
		   "porządku",
	    .later = "trzeba potwierdzić|należy potwierdzić|proszę potwierdzić",
	},
	{
	    .code = "tr",
	    .name = "Turkish",
	    .tags = { "tr-TR" },
	    .disclosure = "Merhaba. Ben otomatik bir asistanım, bir müşteri adına arıyorum.",
	    .moment = "Bir dakika lütfen.",
	    .find_out = "Bunu bilmiyorum. Öğreneceğim, lütfen hatta kalın.",
	    .patience = "Sabrınız için teşekkür ederim. Bir dakika daha lütfen.",
	    .broken = "Özür dilerim, teknik bir sorun var. Hoşça kalın.",
	    .time_over = "Özür dilerim, bu görüşme için sürem doldu. Teşekkür ederim. Hoşça kalın.",
	    .possible = "Bu mümkün mü?",
	    .pardon = "Özür dilerim, duyamadım. Tekrar eder misiniz?",
	    .thanks = "Harika. Çok teşekkür ederim. Hoşça kalın.",
	    .sorry = "Anlıyorum. Zaman ayırdığınız için teşekkür ederim. Hoşça kalın.",
	    .no_verdict = "Zaman ayırdığınız için teşekkür ederim. Hoşça kalın.",
	    .told = "Beklediğiniz için teşekkür ederim. %s",
	    .go_on = "Beklediğiniz için teşekkür ederim. Öğrendim, lütfen devam edin.",
	    .declined =
		"Beklediğiniz için teşekkür ederim. Maalesef bu mümkün olmayacak. Hoşça kalın.",
	    .unreached = "Özür dilerim, müşterime ulaşamadım. Tekrar arayacağım. Hoşça kalın.",
	    .ask = "müşterinize sorun|müşterinize danışın",
	    .machine = "telesekreter|sesli mesaj|mesajınızı bırakın|mesaj bırakın|sinyal sesinden "
		       "sonra|bip sesinden sonra",
	    .no = "hayır|değil|maalesef|kapalı|dolu|olmaz|yok",
	    .yes = "evet|tamam|elbette|tabii|olur|rezerve edildi|onaylandı|iptal edildi",
	    .later = "onaylamanız gerek|onaylamanız gerekiyor|teyit etmeniz gerekiyor|lütfen teyit "
		     "edin",
	},
};
#define TONGUES (sizeof tongues / sizeof tongues[0])

const struct tongue *
tongue_find(const char *language)
{
	size_t len = strcspn(language, "-_");

	for (size_t i = 0; i < TONGUES; i++)
		if (strlen(tongues[i].code) == len &&
		    strncasecmp(language, tongues[i].code, len) == 0)
			return &tongues[i];
	return NULL;
}

const struct tongue *
tongue_of(const char *language)
{
	const struct tongue *t = tongue_find(language);

	return t == NULL ? &tongues[0] : t;
}

const char *
tongue_tag(const char *language)
{
	const struct tongue *t = tongue_of(language);

	for (size_t i = 0; i < TONGUE_TAGS && t->tags[i] != NULL; i++)
		if (strcasecmp(language, t->tags[i]) == 0)
			return t->tags[i];
	return t->tags[0];
}

bool
tongue_machine(const char *words)
{
	for (size_t i = 0; i < TONGUES; i++)
		if (words_hold(words, tongues[i].machine))
			return true;
	return false;
}
