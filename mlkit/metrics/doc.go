// Package metrics computes figures of merit from a model's outputs and the true
// labels or targets.
//
// A [Metric] takes [Answer]s batch by batch; train.Evaluate and train.Validate
// feed it, and [Measure] is for outputs that already exist:
//
//	figures, err := train.Evaluate(ctx, objective, loader, metrics.Accuracy(), metrics.F1(metrics.Macro))
//	area, err := metrics.Measure(metrics.ROCAUC(), metrics.Answer{Outputs: logits, Dims: []int{n, 2}, Labels: labels})
//
// Those of classes look at logits [..., classes] and labels [...]; or at one
// logit a sample, [n] or [n, 1], where a positive one predicts label 1. Labels
// below 0 are left out. Those of regression look at predictions and targets of
// equal shape. They agree with scikit-learn.
//
//	figure                                        here                              scikit-learn and others
//	share of right answers                        Accuracy, TopK                    accuracy_score, top_k_accuracy_score
//	per class, averaged                           Precision, Recall, F1             precision_score, recall_score, f1_score
//	confusion matrix, figures of each class       ConfusionInto, Confusion          confusion_matrix, classification_report
//	ranking                                       ROCAUC, PRAUC, Curve              roc_auc_score, average_precision_score, roc_curve
//	ranking of more than two classes              ROCAUCWeighted, ROCAUCOneVsOne    roc_auc_score(average="weighted"; multi_class="ovo")
//	calibration                                   CalibrationError, Reliability     calibration_curve; torchmetrics' CalibrationError
//	language models                               Perplexity                        –
//	regression                                    MAE, RMSE, R2                     mean_absolute_error, root_mean_squared_error, r2_score
//	translation                                   BLEU                              sacreBLEU
//	word, character, phoneme error rate           TokenErrorRate, EditDistance      jiwer
//	detection, mean average precision (mAP)       MeanAP                            pycocotools
package metrics
