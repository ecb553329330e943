# %% [markdown]
# # Appendix – Glossary
#
# One sentence for each term, as this course uses it, and the unit that introduces it. It is no unit of the course.

# %% [markdown]
# ## A to B
#
# - **accuracy** – the share of answers that are right. [00](../00_start_here.ipynb)
# - **attention** – a weighted mean of vectors, in which the weights say how well each of them fits a question.
#   [04](../04_vit_relevancy.ipynb)
# - **backbone** – all of a network but its last layer; it turns a picture into features.
#   [02](../02_mobilenetv2_training.ipynb)
# - **balanced accuracy** – the mean of the recalls of all classes, so that a rare class counts as much as a common one.
#   [01](../01_data.ipynb)
# - **baseline** – what a simple rule gets, with which a result must be compared before it means anything.
#   [00](../00_start_here.ipynb)
# - **benign keratosis** – a harmless growth of the outer skin, often a seborrhoeic keratosis; `bkl` in the data.
#   [01](../01_data.ipynb)
# - **BLEU** – a score for the runs of words that two texts share; it does not ask whether what they say is true.
#   [06b](../06b_captions_on_trial.ipynb)
# - **blind voters** – the votes of a set of captions, dealt out to other lesions, so that they cannot know anything about
#   these. [06](../06_lexicon_experiment.ipynb)
# - **bootstrap** – drawing the data again and again with replacement, to see how far a result would move with other data.
#   [02](../02_mobilenetv2_training.ipynb)

# %% [markdown]
# ## C
#
# - **calibration** – agreement between how sure a model says it is and how often it is right.
#   [02b](../02b_judging_a_classifier.ipynb)
# - **CAM** – class activation map: the feature maps of the last layer, added up with the weights that the class gives them.
#   [03](../03_gradcam_internals.ipynb)
# - **caption** – a sentence that a model writes about a picture. [00](../00_start_here.ipynb)
# - **chance** – what a rule gets that does not use the picture; one third in balanced accuracy, with three classes.
#   [01](../01_data.ipynb)
# - **class token** – an extra vector in a vision transformer that collects what the classifier reads at the end.
#   [04](../04_vit_relevancy.ipynb)
# - **class weights** – factors in the loss that make errors on rare classes count more.
#   [02](../02_mobilenetv2_training.ipynb)
# - **confusion matrix** – a table that counts how often each true class got each answer.
#   [02](../02_mobilenetv2_training.ipynb)
# - **constant** – a classifier that gives everything the same answer, usually the commonest class.
#   [00](../00_start_here.ipynb)
# - **control** – a case in which a method must fail, or must find nothing; if it does not, its success elsewhere shows
#   little. [00](../00_start_here.ipynb)
# - **counterfactual** – the same picture with one thing changed and everything else kept.
#   [06b](../06b_captions_on_trial.ipynb)
# - **cross-attention** – attention in which the questions come from one place, such as a text, and what is collected from
#   another, such as a picture. [05](../05_vlm_captioning.ipynb)
# - **cross-entropy** – the usual loss of a classifier: minus the logarithm of the probability that it gives to the true
#   class. [02](../02_mobilenetv2_training.ipynb)

# %% [markdown]
# ## D to E
#
# - **deletion** – erasing the pixels of a picture in the order of a heat-map, to see how fast the score falls.
#   [03b](../03b_explanations_on_trial.ipynb)
# - **dermoscopic photograph** – a photograph of skin taken through a lens that lies on it, so that structures below the
#   surface show. [01](../01_data.ipynb)
# - **drawn lesion** – a picture made by a program that knows every cause in it; good for testing methods, no evidence about
#   skin. [00](../00_start_here.ipynb)
# - **early stopping** – ending a training when the loss on the validation data no longer gets lower.
#   [02](../02_mobilenetv2_training.ipynb)
# - **echo** – the words of a prompt, repeated by the model in front of its answer. [05](../05_vlm_captioning.ipynb)
# - **Eigen-CAM** – a heat-map made from the direction in which a layer's features differ most; it knows no class, and its
#   sign is arbitrary. [03b](../03b_explanations_on_trial.ipynb)
# - **energy inside** – the share of a map's positive evidence that lies on the lesion. [03](../03_gradcam_internals.ipynb)
# - **epoch** – one pass of a training through all its photographs. [02](../02_mobilenetv2_training.ipynb)
# - **expected calibration error** – the mean distance between confidence and the share of right answers, over bins of
#   confidence. [02b](../02b_judging_a_classifier.ipynb)

# %% [markdown]
# ## F to H
#
# - **faithful** – said of an explanation that shows what the network really uses; it need not look right to a person.
#   [03b](../03b_explanations_on_trial.ipynb)
# - **feature map** – a grid that says how strongly one pattern was found in each part of a picture.
#   [02](../02_mobilenetv2_training.ipynb)
# - **fine-tune** – to train a network further that has been trained on something else. [04b](../04b_background_check.ipynb)
# - **focal loss** – a loss in which a picture counts less, the surer the network is right about it.
#   [02b](../02b_judging_a_classifier.ipynb)
# - **frozen** – said of weights that a training does not change. [02](../02_mobilenetv2_training.ipynb)
# - **global average pooling** – replacing each feature map by its mean, so that the place of a pattern is lost.
#   [03](../03_gradcam_internals.ipynb)
# - **Grad-CAM** – a heat-map for one class: feature maps, weighted by how the class's score reacts to them.
#   [00](../00_start_here.ipynb)
# - **hallucination** – a statement of a language model about something that is not in the picture.
#   [05](../05_vlm_captioning.ipynb)
# - **HAM10000** – a public collection of 10,015 dermoscopic photographs from Austria and Australia.
#   [00](../00_start_here.ipynb)
# - **head** – the last layer of a classifier, which turns features into a number for each class.
#   [02](../02_mobilenetv2_training.ipynb)
# - **heat-map** – a picture of where, according to some method, the evidence for an answer came from.
#   [00](../00_start_here.ipynb)
# - **hook** – a function that a network calls when one of its layers has run; it lets you read what passes there.
#   [03](../03_gradcam_internals.ipynb)

# %% [markdown]
# ## I to L
#
# - **individual typology angle** – an angle computed from lightness and yellowness of skin in a photograph; it measures a
#   colour, also that of the lamp. [01](../01_data.ipynb)
# - **insertion** – the opposite of deletion: showing the pixels one after another, to see how fast the score rises.
#   [03b](../03b_explanations_on_trial.ipynb)
# - **interval** – a range of values that fit the data, printed beside a result, with the number of lesions behind it.
#   [01](../01_data.ipynb)
# - **IoU** – intersection over union: the area that two regions share, divided by the area that either covers.
#   [03b](../03b_explanations_on_trial.ipynb)
# - **layer norm** – a step that takes the mean of a vector away and divides it by its spread.
#   [05](../05_vlm_captioning.ipynb)
# - **leak** – information about the answers that training data should not have, such as another photograph of a lesion to
#   be judged. [01](../01_data.ipynb)
# - **learning curve** – the loss of a training, epoch by epoch, on training and on validation data.
#   [02](../02_mobilenetv2_training.ipynb)
# - **lexicon** – a list of words with what each of them states, by which a program reads captions.
#   [06](../06_lexicon_experiment.ipynb)
# - **log-likelihood ratio** – how strongly a fact speaks for one class and against another; zero if it tells nothing.
#   [06](../06_lexicon_experiment.ipynb)
# - **logit** – the number that a classifier gives to a class before softmax turns it into a probability.
#   [00](../00_start_here.ipynb)
# - **LoRA** – low-rank adaptation: training a small product of two thin matrices beside a weight matrix that stays as it
#   is. [06b](../06b_captions_on_trial.ipynb)

# %% [markdown]
# ## M to O
#
# - **macro-F1** – the mean, over all classes, of F1, which joins precision and recall in one number.
#   [02](../02_mobilenetv2_training.ipynb)
# - **mask** – a picture of yes and no that says which pixels belong to the lesion. [03](../03_gradcam_internals.ipynb)
# - **melanoma** – a malignant tumour of the cells that make pigment; `mel` in the data. [01](../01_data.ipynb)
# - **naive Bayes** – a way to turn facts into probabilities that treats the facts of a class as independent.
#   [06](../06_lexicon_experiment.ipynb)
# - **nevus** – a mole, a harmless group of cells that make pigment; `nv` in the data. [00](../00_start_here.ipynb)
# - **noise floor** – how often something changes although nothing that matters was changed.
#   [06b](../06b_captions_on_trial.ipynb)
# - **operating point** – a threshold, with the sensitivity and the specificity that it gives.
#   [02b](../02b_judging_a_classifier.ipynb)
# - **over-fitted** – said of a network that got better on its training data and worse on others.
#   [02](../02_mobilenetv2_training.ipynb)
# - **oversampling** – showing the photographs of rare classes more often in training.
#   [02b](../02b_judging_a_classifier.ipynb)

# %% [markdown]
# ## P to Q
#
# - **patch** – a square piece of a picture, which a vision transformer turns into one token.
#   [04](../04_vit_relevancy.ipynb)
# - **permutation test** – a comparison of a score with the scores after shuffling the labels, to see what luck alone would
#   give. [02](../02_mobilenetv2_training.ipynb)
# - **plausible** – said of an explanation that a person would agree with; the network need not have used what it shows.
#   [03b](../03b_explanations_on_trial.ipynb)
# - **posterior** – the probability of a class after the facts have been read. [06](../06_lexicon_experiment.ipynb)
# - **precision** – the share of the answers naming a class that are right. [02](../02_mobilenetv2_training.ipynb)
# - **prior** – how frequent a class is before anything is known about the case. [06](../06_lexicon_experiment.ipynb)
# - **prior correction** – giving each class its true share back, after a training that had changed the shares.
#   [02b](../02b_judging_a_classifier.ipynb)
# - **prompt** – the instruction that a language model gets together with the picture. [05](../05_vlm_captioning.ipynb)
# - **pseudo-count** – a small number added to a count, so that what was never seen does not become impossible.
#   [06](../06_lexicon_experiment.ipynb)
# - **Q-Former** – the part of some vision-language models that collects from the picture what the language model gets to
#   read. [05](../05_vlm_captioning.ipynb)
# - **query** – a vector that asks: attention compares it with others and collects those that fit.
#   [05](../05_vlm_captioning.ipynb)

# %% [markdown]
# ## R
#
# - **recall** – the share of a class's photographs that are found. [01](../01_data.ipynb)
# - **region** – the connected part of a picture in which a heat-map reaches a threshold. [00](../00_start_here.ipynb)
# - **relevance** – the part of a score that is handed back, layer by layer, to what caused it.
#   [04](../04_vit_relevancy.ipynb)
# - **ReLU** – the function that keeps what is positive and makes everything else zero. [03](../03_gradcam_internals.ipynb)
# - **ROC curve** – all operating points of a classifier in one curve; the area below it says how well it ranks.
#   [02b](../02b_judging_a_classifier.ipynb)
# - **ROI** – region of interest: the box that is cut out of the picture and shown to the captioner.
#   [00](../00_start_here.ipynb)
# - **rollout** – attention rollout: the attention of all blocks multiplied, to follow where a token's content came from.
#   [04](../04_vit_relevancy.ipynb)

# %% [markdown]
# ## S
#
# - **Score-CAM** – a heat-map in which a feature map counts by the score of the picture that it lets through, without a
#   gradient. [03b](../03b_explanations_on_trial.ipynb)
# - **sensitivity** – the share of melanomas that are sent on to a doctor; another name for their recall.
#   [02b](../02b_judging_a_classifier.ipynb)
# - **shortcut** – something in the pictures that goes with a class but has nothing to do with the disease, such as a ruler.
#   [03b](../03b_explanations_on_trial.ipynb)
# - **silver** – said of labels that a rule has made instead of a person. [06b](../06b_captions_on_trial.ipynb)
# - **skip connection** – a path on which a block's input passes by the block and is added to its output.
#   [04](../04_vit_relevancy.ipynb)
# - **slot** – what a fact is about, such as the border, apart from what is said about it. [00](../00_start_here.ipynb)
# - **softmax** – the function that turns logits into positive numbers that add up to one. [00](../00_start_here.ipynb)
# - **specificity** – the share of the other lesions that are rightly not sent on. [02b](../02b_judging_a_classifier.ipynb)
# - **split** – the division of data into a part for training and a part for judging. [01](../01_data.ipynb)

# %% [markdown]
# ## T to V
#
# - **temperature scaling** – dividing all logits by one number, which makes a network surer or less sure and leaves its
#   answers alone. [02b](../02b_judging_a_classifier.ipynb)
# - **threshold** – the value from which on something counts as yes. [00](../00_start_here.ipynb)
# - **token** – one of the vectors that a transformer works on; it stands for a patch or for a piece of a word.
#   [04](../04_vit_relevancy.ipynb)
# - **vision transformer** – a network that cuts a picture into patches and lets them exchange information by attention.
#   [04](../04_vit_relevancy.ipynb)
# - **vision-language model** – a model that takes a picture and a text and writes a text. [05](../05_vlm_captioning.ipynb)
# - **vote** – the class that a program reads out of a caption. [00](../00_start_here.ipynb)
